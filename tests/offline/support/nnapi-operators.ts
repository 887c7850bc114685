import type { ReadGraph, ReadNode } from './read-onnx.ts';

/** What a check of one node may look at. */
interface Seen {
  readonly node: ReadNode;
  readonly isConstant: (value: string) => boolean;
}

/**
 * Operators that ONNX Runtime's NNAPI provider was seen to take (1.24.3, feature level 1000006), each with the forms it
 * was seen to take it in; what is not here was refused or not tried.
 */
export const TAKEN_BY_NNAPI: Readonly<Record<string, (seen: Seen) => boolean>> = {
  // With a bias: XNNPACK's provider crashes the process without one.
  Gemm: ({ node, isConstant }) =>
    node.inputs.length === 3 &&
    node.inputs.slice(1).every(isConstant) &&
    node.attributes['transA'] === undefined,
  // Of run-time values only; by a constant it must be 2-D, which Gemm does here.
  MatMul: ({ node, isConstant }) => node.inputs.every((input) => !isConstant(input)),
  Softmax: () => true,
  Add: () => true,
  Mul: () => true,
  Div: () => true,
  Sqrt: () => true,
  Sigmoid: () => true,
  // Opset 17: axes are an attribute.
  ReduceMean: ({ node }) => Array.isArray(node.attributes['axes']) && node.attributes['keepdims'] === 1,
  Concat: () => true,
  Slice: ({ node, isConstant }) => node.inputs.slice(1).every(isConstant),
  Reshape: ({ node, isConstant }) => isConstant(node.inputs[1] ?? ''),
  Transpose: ({ node }) => (node.attributes['perm'] as readonly number[]).length <= 4,
};

/** Nodes that are computed at every run: constant folding has taken the others away before a provider is asked. */
export function runTimeNodes(graph: ReadGraph): {
  readonly nodes: readonly ReadNode[];
  readonly isConstant: (value: string) => boolean;
} {
  const constant = new Set(graph.constants.keys());
  const nodes: ReadNode[] = [];
  for (const node of graph.nodes)
    if (node.inputs.every((input) => constant.has(input)))
      for (const output of node.outputs) constant.add(output);
    else nodes.push(node);
  return { nodes, isConstant: (value) => constant.has(value) };
}

/** The run-time nodes that the provider was not seen to take, in words. */
export function refusedNodes(graph: ReadGraph): string[] {
  const { nodes, isConstant } = runTimeNodes(graph);
  return nodes.flatMap((node) => {
    const rule = node.domain === '' ? TAKEN_BY_NNAPI[node.op] : undefined;
    const taken = rule !== undefined && rule({ node, isConstant });
    return taken ? [] : [`${node.domain === '' ? '' : `${node.domain}.`}${node.op} ${node.outputs[0] ?? ''}`];
  });
}
