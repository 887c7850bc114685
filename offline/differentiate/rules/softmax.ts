import { scatter } from '../gradient.ts';
import type { BackwardStep, GradientRule } from '../gradient-rule.ts';

function rowSum({ graph }: BackwardStep, value: string): string {
  return graph.op('ReduceSum', [value, graph.ints(-1)], { keepdims: 1 });
}

/** dx = y * (dy - sum(dy * y)) */
const softmax: GradientRule = (step) =>
  step.give(0, () => {
    const { graph, node } = step;
    const dY = step.gradient.dense();
    const mean = rowSum(step, graph.op('Mul', [dY, node.output]));
    return graph.op('Mul', [graph.op('Sub', [dY, mean]), node.output]);
  });

/**
 * dx = dy - exp(y) * sum(dy). Where the gradient is of single elements (the cross entropy of a vocabulary), its
 * row sums are those of the elements, and the elements are added last: two passes of full size.
 */
const logSoftmax: GradientRule = (step) =>
  step.give(0, () => {
    const { graph, node, gradient } = step;
    const { scattered } = gradient;
    const shares = graph.op('Exp', [node.output]);
    if (scattered === null || scattered.axis !== graph.dims(node.output).length - 1) {
      const dY = gradient.dense();
      return graph.op('Sub', [dY, graph.op('Mul', [shares, rowSum(step, dY)])]);
    }
    const down = graph.op('Neg', [rowSum(step, scattered.value)]);
    return scatter(graph, graph.op('Mul', [shares, down]), scattered);
  });

export const SOFTMAX_RULES: Readonly<Record<string, GradientRule>> = {
  Softmax: softmax,
  LogSoftmax: logSoftmax,
};
