import { expandTo } from '../gradient.ts';
import { inputOf, sumTo, type BackwardStep, type GradientRule } from '../gradient-rule.ts';
import { sameDims } from '../tensor.ts';

/** Gradient times or by a factor. Equal along an axis where both are: nothing is expanded that need not be. */
function scaled({ graph, gradient }: BackwardStep, opType: 'Mul' | 'Div', factor: string): string {
  return graph.op(opType, [gradient.broadcastable(), factor]);
}

/** A gradient in the output's shape as the gradient of an operand that may have been broadcast to it. */
function ofOperand(step: BackwardStep, value: string, index: number): string {
  const { graph, node } = step;
  const { dims } = inputOf(step, index);
  const to = graph.dims(node.output);
  return sameDims(dims, to) ? value : sumTo(graph, expandTo(graph, value, to), dims);
}

/** f'(x) from the operand x and the result y. */
function unary(slope: (step: BackwardStep, x: string, y: string) => string): GradientRule {
  return (step) =>
    step.give(0, () => scaled(step, 'Mul', slope(step, inputOf(step, 0).value, step.node.output)));
}

const identity: GradientRule = (step) => step.give(0, () => step.gradient.broadcastable());

const negative: GradientRule = (step) =>
  step.give(0, () => step.graph.op('Neg', [step.gradient.broadcastable()]));

const add: GradientRule = (step) => {
  for (const index of step.node.inputs.keys())
    step.give(index, () => ofOperand(step, step.gradient.broadcastable(), index));
};

const subtract: GradientRule = (step) => {
  step.give(0, () => ofOperand(step, step.gradient.broadcastable(), 0));
  step.give(1, () => step.graph.op('Neg', [ofOperand(step, step.gradient.broadcastable(), 1)]));
};

const multiply: GradientRule = (step) => {
  const { graph, gradient } = step;
  const a = inputOf(step, 0);
  const b = inputOf(step, 1);
  if (a.value === b.value) {
    step.give(0, () => {
      const doubled = graph.op('Mul', [gradient.broadcastable(), graph.scalar(2)]);
      return graph.op('Mul', [doubled, a.value]);
    });
    return;
  }
  step.give(0, () => ofOperand(step, scaled(step, 'Mul', b.value), 0));
  step.give(1, () => ofOperand(step, scaled(step, 'Mul', a.value), 1));
};

/** y = a / b: da = dy / b, db = -da * y. */
const divide: GradientRule = (step) => {
  const { graph, node } = step;
  const divisor = inputOf(step, 1).value;
  let quotient: string | null = null;
  const upper = (): string => (quotient ??= scaled(step, 'Div', divisor));
  step.give(0, () => ofOperand(step, upper(), 0));
  step.give(1, () => graph.op('Neg', [ofOperand(step, graph.op('Mul', [upper(), node.output]), 1)]));
};

const squareRoot: GradientRule = (step) =>
  step.give(0, () => {
    const { graph } = step;
    return graph.op('Mul', [scaled(step, 'Div', step.node.output), graph.scalar(0.5)]);
  });

const logarithm: GradientRule = (step) => step.give(0, () => scaled(step, 'Div', inputOf(step, 0).value));

const where: GradientRule = (step) => {
  const { graph, gradient } = step;
  const condition = inputOf(step, 0).value;
  const zero = graph.scalar(0);
  const kept = (index: number, order: (dense: string) => readonly string[]): void =>
    step.give(index, () =>
      ofOperand(step, graph.op('Where', [condition, ...order(gradient.dense())]), index),
    );
  kept(1, (dense) => [dense, zero]);
  kept(2, (dense) => [zero, dense]);
};

export const ELEMENTWISE_RULES: Readonly<Record<string, GradientRule>> = {
  Identity: identity,
  Cast: identity,
  Neg: negative,
  Add: add,
  Sum: add,
  Sub: subtract,
  Mul: multiply,
  Div: divide,
  Sqrt: squareRoot,
  Log: logarithm,
  Where: where,
  Exp: unary((_, __, y) => y),
  Abs: unary(({ graph }, x) => graph.op('Sign', [x])),
  Relu: unary(({ graph }, _, y) => graph.op('Sign', [y])),
  Reciprocal: unary(({ graph }, _, y) => graph.op('Neg', [graph.op('Mul', [y, y])])),
  Sigmoid: unary(({ graph }, _, y) => graph.op('Mul', [graph.op('Sub', [graph.scalar(1), y]), y])),
  Tanh: unary(({ graph }, _, y) => graph.op('Sub', [graph.scalar(1), graph.op('Mul', [y, y])])),
  Erf: unary(({ graph }, x) => {
    const bell = graph.op('Exp', [graph.op('Neg', [graph.op('Mul', [x, x])])]);
    return graph.op('Mul', [bell, graph.scalar(2 / Math.sqrt(Math.PI))]);
  }),
};
