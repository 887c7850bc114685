import { GraphBuilder } from '../../offline/graph/graph-builder.ts';

/** A graph whose kernels cost next to nothing, so that a run's time is the binding's. */
export interface TinyGraph {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly inputs: readonly { readonly name: string; readonly dims: readonly number[] }[];
  readonly outputs: readonly { readonly name: string; readonly dims: readonly number[] }[];
}

const FLOATS_OF_LOGITS = 49_152;

function graph(
  name: string,
  inputs: TinyGraph['inputs'],
  outputs: TinyGraph['outputs'],
  write: (builder: GraphBuilder) => void,
): TinyGraph {
  const builder = GraphBuilder.create(new Map(), '');
  for (const { name: input, dims } of inputs) builder.input(input, 'float32', dims);
  write(builder);
  for (const { name: output, dims } of outputs) builder.output(output, 'float32', dims);
  return { name, bytes: builder.encode(name), inputs, outputs };
}

/** What a binding does per run: little at all, many inputs as a decoder has them, a large output. */
export function tinyGraphs(): TinyGraph[] {
  const many = Array.from({ length: 64 }, (_, i) => ({ name: `x${i}`, dims: [1, 8] }));
  const large = [1, FLOATS_OF_LOGITS];
  return [
    graph('one input, one output', [{ name: 'x', dims: [1, 8] }], [{ name: 'y', dims: [1, 8] }], (builder) =>
      builder.node('Neg', ['x'], ['y']),
    ),
    graph(
      '64 inputs, 2 outputs',
      many,
      [
        { name: 'y', dims: [1, 8] },
        { name: 'z', dims: [1, 8] },
      ],
      (builder) => {
        builder.node(
          'Sum',
          many.map((input) => input.name),
          ['y'],
        );
        builder.node('Neg', ['x0'], ['z']);
      },
    ),
    graph(
      'an output of 197 kB (the logits of SmolLM2)',
      [{ name: 'x', dims: [1] }],
      [{ name: 'y', dims: large }],
      (builder) => {
        const shape = builder.ints(...large);
        builder.node('Expand', ['x', shape], ['y']);
      },
    ),
  ];
}
