import { inputOf, reshapeTo, sumTo, type GradientRule } from '../gradient-rule.ts';
import { permutation } from '../shapes/layout.ts';
import { frontAxis, intAttribute } from '../tensor.ts';

const sameElements: GradientRule = (step) =>
  step.give(0, () => reshapeTo(step.graph, step.gradient.dense(), inputOf(step, 0).dims));

const transpose: GradientRule = (step) =>
  step.give(0, () => {
    const perm = permutation(step.operation);
    const back = perm.map((_, axis) => perm.indexOf(axis));
    return step.graph.op('Transpose', [step.gradient.broadcastable()], { perm: back });
  });

const concat: GradientRule = (step) => {
  const { graph, node, gradient } = step;
  const rank = graph.dims(node.output).length;
  const axis = frontAxis(step.operation, intAttribute(node.attributes, 'axis', NaN), rank);
  let end = 0;
  for (const index of node.inputs.keys()) {
    const start = end;
    end += inputOf(step, index).dims[axis] ?? 0;
    const bounds = [start, end, axis];
    step.give(index, () =>
      graph.op('Slice', [gradient.dense(), ...bounds.map((bound) => graph.ints(bound))]),
    );
  }
};

const expand: GradientRule = (step) =>
  step.give(0, () => sumTo(step.graph, step.gradient.dense(), inputOf(step, 0).dims));

export const LAYOUT_RULES: Readonly<Record<string, GradientRule>> = {
  Reshape: sameElements,
  Squeeze: sameElements,
  Unsqueeze: sameElements,
  Transpose: transpose,
  Concat: concat,
  Expand: expand,
};
