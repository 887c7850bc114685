import { scatter, type Scattered } from '../gradient.ts';
import type { BackwardStep, GradientRule } from '../gradient-rule.ts';
import { sameDims } from '../tensor.ts';

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

/** Single elements of every row, if that is all that the gradient is. */
function pickedOfRows({ graph, node, gradient }: BackwardStep): Scattered | null {
  const { scattered } = gradient;
  const rows = graph.dims(node.output).slice(0, -1);
  const ofRows = scattered !== null && scattered.axis === rows.length;
  return ofRows && sameDims(graph.dims(scattered.value).slice(0, -1), rows) ? scattered : null;
}

/**
 * dx = dy - exp(y) * sum(dy). Where the gradient is of single elements (the cross entropy of a vocabulary), its
 * row sums are those of the elements, and the elements are added last: two passes of full size.
 */
const logSoftmax: GradientRule = (step) =>
  step.give(0, () => {
    const { graph, node, gradient } = step;
    const shares = graph.op('Exp', [node.output]);
    const picked = pickedOfRows(step);
    if (picked === null) {
      const dY = gradient.dense();
      return graph.op('Sub', [dY, graph.op('Mul', [shares, rowSum(step, dY)])]);
    }
    const down = graph.op('Neg', [rowSum(step, picked.value)]);
    return scatter(graph, graph.op('Mul', [shares, down]), picked);
  });

export const SOFTMAX_RULES: Readonly<Record<string, GradientRule>> = {
  Softmax: softmax,
  LogSoftmax: logSoftmax,
};
