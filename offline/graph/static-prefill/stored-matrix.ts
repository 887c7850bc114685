import { BLOCK_SIZE } from '../../quantize/block-wise.ts';
import type { GraphBuilder } from '../graph-builder.ts';
import type { Linear } from '../linear.ts';

/**
 * A matrix as it is stored, in constants:
 * - f32: `values` [out, in]
 * - int8: `values` [in, out], `scale` [out]
 * - block: `values` uint8 [out, blocks, BLOCK_SIZE], `scale` [out, blocks], `zero` uint8 [out, blocks] or null = 128
 *
 * Matrices are cut and joined in this form and made float32 last: ONNX Runtime keeps all that it computes of constants
 * until the graph is open, and stored they are a fourth of the size.
 */
export interface StoredMatrix {
  readonly form: 'f32' | 'int8' | 'block';
  readonly outFeatures: number;
  readonly inFeatures: number;
  readonly constants: Constants;
}

interface Constants {
  readonly values: string;
  readonly scale: string | null;
  readonly zero: string | null;
}

/** Which axis of each constant counts the outputs. */
const OUTPUT_AXES: Readonly<Record<StoredMatrix['form'], Readonly<Record<keyof Constants, number>>>> = {
  f32: { values: 0, scale: 0, zero: 0 },
  int8: { values: 1, scale: 0, zero: 0 },
  block: { values: 0, scale: 0, zero: 0 },
};

/** What a byte of two 4-bit values counts the second one by, and its bits. */
const NIBBLE = 16;
const NIBBLE_BITS = 4;

export function emitStored(
  graph: GraphBuilder,
  { name, form, inFeatures, outFeatures }: Linear,
): StoredMatrix {
  const size = { inFeatures, outFeatures };
  const none = { scale: null, zero: null };
  if (form === 'f32') return { ...size, form, constants: { ...none, values: graph.weight(name) } };
  if (form === 'int8') {
    const constants = { ...none, values: graph.weight(name), scale: graph.weight(`${name}.scale`) };
    return { ...size, form, constants };
  }
  const blocks = Math.ceil(inFeatures / BLOCK_SIZE);
  const scale = graph.view(`${name}.scale`, [outFeatures, blocks]);
  if (form === 'block8')
    return { ...size, form: 'block', constants: { values: graph.weight(name), scale, zero: null } };
  const packed = graph.view(name, [outFeatures, blocks, BLOCK_SIZE / 2, 1]);
  const values = emitNibbles(graph, packed, [outFeatures, blocks, BLOCK_SIZE], name);
  const bytes = Math.ceil(blocks / 2);
  const pairs = graph.view(`${name}.zero`, [outFeatures, bytes, 1]);
  const zeros = emitNibbles(graph, pairs, [outFeatures, 2 * bytes], `${name}.zero`);
  const zero = 2 * bytes === blocks ? zeros : emitRange(graph, zeros, 0, blocks, 1, `${name}.zero.own`);
  return { ...size, form: 'block', constants: { values, scale, zero } };
}

/** Outputs [from, to) of a matrix. */
export function emitOutputs(
  graph: GraphBuilder,
  matrix: StoredMatrix,
  from: number,
  to: number,
  name: string,
): StoredMatrix {
  const constants = byPart(matrix, (axis, part) => {
    const value = matrix.constants[part];
    return value === null ? null : emitRange(graph, value, from, to, axis, `${name}.${part}`);
  });
  return { ...matrix, outFeatures: to - from, constants };
}

/** The outputs of matrices of one form that read the same input, one after the other. */
export function emitSideBySide(
  graph: GraphBuilder,
  matrices: readonly StoredMatrix[],
  name: string,
): StoredMatrix {
  const [first] = matrices;
  if (first === undefined) throw new RangeError(`${name} has no matrix`);
  const constants = byPart(first, (axis, part) => {
    const values = matrices.flatMap((matrix) => matrix.constants[part] ?? []);
    return values.length === 0 ? null : emitJoined(graph, values, axis, `${name}.${part}`);
  });
  const outFeatures = matrices.reduce((sum, matrix) => sum + matrix.outFeatures, 0);
  return { ...first, outFeatures, constants };
}

function byPart(
  { form }: StoredMatrix,
  make: (axis: number, part: keyof Constants) => string | null,
): Constants {
  const axes = OUTPUT_AXES[form];
  const values = make(axes.values, 'values');
  if (values === null) throw new RangeError('a matrix has values');
  return { values, scale: make(axes.scale, 'scale'), zero: make(axes.zero, 'zero') };
}

/** Elements [from, to) of an axis. */
export function emitRange(
  graph: GraphBuilder,
  value: string,
  from: number,
  to: number,
  axis: number,
  output: string,
): string {
  return graph.node('Slice', [value, graph.ints(from), graph.ints(to), graph.ints(axis)], [output]);
}

/** The values along an axis one after the other; a single one as it is. */
export function emitJoined(
  graph: GraphBuilder,
  parts: readonly string[],
  axis: number,
  output: string,
): string {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  return graph.node('Concat', parts, [output], { axis });
}

/** Both 4-bit values of each byte, the low one first, as uint8 of these dims; the last of `bytes`' dims is 1. */
function emitNibbles(graph: GraphBuilder, bytes: string, dims: readonly number[], name: string): string {
  const byte = (value: number): string => graph.constant(`byte_${value}`, 'uint8', [1], Uint8Array.of(value));
  const low = graph.node('Mod', [bytes, byte(NIBBLE)], [`${name}.low`]);
  const high = graph.node('BitShift', [bytes, byte(NIBBLE_BITS)], [`${name}.high`], { direction: 'RIGHT' });
  const pairs = graph.node('Concat', [low, high], [`${name}.pairs`], { axis: -1 });
  return graph.node('Reshape', [pairs, graph.ints(...dims)], [`${name}.values`]);
}
