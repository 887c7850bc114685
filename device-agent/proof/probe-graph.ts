import { seededRandom } from '../../core/random.ts';
import { onnxBytes, type SmallNode, type SmallTensor } from './onnx-bytes.ts';

/**
 * A small transformer block of fixed shapes with made-up weights: the operators that Bungee's static graphs use, in
 * the forms that NNAPI's provider takes (2-D activations, products by constants as Gemm, norms taken apart). It shows
 * whether a provider of this phone takes and computes such graphs at all, whatever bundle is there.
 */

export const PROBE = { tokens: 32, width: 64, heads: 4, hidden: 128, vocabulary: 96 } as const;
export const PROBE_INPUT = 'x';
export const PROBE_MASK = 'mask';
export const PROBE_OUTPUT = 'logits';

const EPSILON = 1e-5;
const SEED = 20_261_123;
/** Far below any score; -Infinity is not taken by every driver. */
const HIDDEN_SCORE = -10_000;

export interface Probe {
  readonly bytes: Uint8Array;
  readonly feeds: Readonly<Record<string, { readonly data: Float32Array; readonly dims: readonly number[] }>>;
}

/** Builds the graph and one input; the same at each call. */
export function buildProbe(): Probe {
  const { tokens, width, heads, hidden, vocabulary } = PROBE;
  const headDim = width / heads;
  const random = seededRandom(SEED);
  const values = (count: number, scale: number): Float32Array =>
    Float32Array.from({ length: count }, () => (random() * 2 - 1) * scale);
  const constants: SmallTensor[] = [];
  const nodes: SmallNode[] = [];
  const constant = (name: string, dims: readonly number[], data: Float32Array | BigInt64Array): string => {
    constants.push({ name, dims, data });
    return name;
  };
  const node = (op: string, inputs: readonly string[], output: string, ints?: SmallNode['ints']): string => {
    nodes.push({ op, inputs, output, ...(ints === undefined ? {} : { ints }) });
    return output;
  };
  const linear = (from: string, name: string, rows: number, columns: number): string => {
    const weight = constant(
      `${name}.weight`,
      [rows, columns],
      values(rows * columns, 1.7 / Math.sqrt(columns)),
    );
    // Zeros, but never left out: XNNPACK's provider in ONNX Runtime 1.24 ends the process at a Gemm without a bias.
    const bias = constant(`${name}.bias`, [rows], new Float32Array(rows));
    return node('Gemm', [from, weight, bias], name, { transB: 1 });
  };
  const norm = (from: string, name: string): string => {
    const square = node('Mul', [from, from], `${name}.square`);
    const mean = node('ReduceMean', [square], `${name}.mean`, { axes: [1], keepdims: 1 });
    const shifted = node('Add', [mean, 'epsilon'], `${name}.shifted`);
    const scaled = node('Div', [from, node('Sqrt', [shifted], `${name}.root`)], `${name}.scaled`);
    const gain = constant(
      `${name}.gain`,
      [width],
      values(width, 0.5).map((value) => 1 + value),
    );
    return node('Mul', [scaled, gain], name);
  };
  constant('epsilon', [1], Float32Array.of(EPSILON));
  constant('scale', [1], Float32Array.of(1 / Math.sqrt(headDim)));
  constant('by-head', [3], BigInt64Array.of(BigInt(tokens), BigInt(heads), BigInt(headDim)));
  constant('joined', [2], BigInt64Array.of(BigInt(tokens), BigInt(width)));

  const normed = norm(PROBE_INPUT, 'norm1');
  const perHead = (name: string, perm: readonly number[]): string => {
    const split = node('Reshape', [linear(normed, name, width, width), 'by-head'], `${name}.split`);
    return node('Transpose', [split], `${name}.heads`, { perm });
  };
  const scores = node('MatMul', [perHead('query', [1, 0, 2]), perHead('key', [1, 2, 0])], 'scores');
  const masked = node('Add', [node('Mul', [scores, 'scale'], 'scores.scaled'), PROBE_MASK], 'scores.masked');
  const weights = node('Softmax', [masked], 'weights', { axis: 2 });
  const mixed = node('MatMul', [weights, perHead('value', [1, 0, 2])], 'mixed');
  const turned = node('Transpose', [mixed], 'mixed.turned', { perm: [1, 0, 2] });
  const joined = node('Reshape', [turned, 'joined'], 'mixed.joined');
  const afterAttention = node('Add', [PROBE_INPUT, linear(joined, 'out', width, width)], 'residual1');

  const second = norm(afterAttention, 'norm2');
  const gate = linear(second, 'gate', hidden, width);
  const swish = node('Mul', [gate, node('Sigmoid', [gate], 'gate.sigmoid')], 'gate.swish');
  const product = node('Mul', [swish, linear(second, 'up', hidden, width)], 'product');
  const afterMlp = node('Add', [afterAttention, linear(product, 'down', width, hidden)], 'residual2');
  linear(norm(afterMlp, 'norm3'), PROBE_OUTPUT, vocabulary, width);

  const maskDims = [1, tokens, tokens];
  const mask = new Float32Array(tokens * tokens);
  for (let row = 0; row < tokens; row++)
    for (let column = row + 1; column < tokens; column++) mask[row * tokens + column] = HIDDEN_SCORE;
  return {
    bytes: onnxBytes({
      nodes,
      constants,
      inputs: [
        { name: PROBE_INPUT, dims: [tokens, width] },
        { name: PROBE_MASK, dims: maskDims },
      ],
      outputs: [{ name: PROBE_OUTPUT, dims: [tokens, vocabulary] }],
    }),
    feeds: {
      [PROBE_INPUT]: { data: values(tokens * width, 1), dims: [tokens, width] },
      [PROBE_MASK]: { data: mask, dims: maskDims },
    },
  };
}
