import { BLOCK_SIZE } from '../../quantize/block-wise.ts';
import type { GraphBuilder } from '../graph-builder.ts';
import { emitJoined, emitRange, type StoredMatrix } from './stored-matrix.ts';

/** A matrix as a float32 constant, [out, in] or [in, out]. */
export interface ConstantMatrix {
  readonly value: string;
  readonly outFirst: boolean;
  readonly outFeatures: number;
}

/** Value of a block-wise 8-bit weight that stands for 0. */
const ZERO_8BIT = 128;

/**
 * A stored matrix in float32: constants that ONNX Runtime computes once when it opens the graph (constant folding; of
 * DequantizeLinear with `session.disable_quant_qdq`), so that a provider sees nothing but a float32 constant.
 */
export function emitConstant(graph: GraphBuilder, matrix: StoredMatrix, name: string): ConstantMatrix {
  const { form, outFeatures, inFeatures, constants } = matrix;
  const { values, scale, zero } = constants;
  if (form === 'f32' || scale === null) return { value: values, outFirst: true, outFeatures };
  if (form === 'int8') {
    const value = graph.node('DequantizeLinear', [values, scale], [`${name}.f32`], { axis: 1 });
    return { value, outFirst: false, outFeatures };
  }
  const blocks = Math.ceil(inFeatures / BLOCK_SIZE);
  const count = outFeatures * blocks;
  const reshaped = (value: string, part: string, ...dims: readonly number[]): string =>
    graph.node('Reshape', [value, graph.ints(...dims)], [`${name}.${part}`]);
  const middle = (): string => graph.constant(`byte_${ZERO_8BIT}`, 'uint8', [1], Uint8Array.of(ZERO_8BIT));
  const zeros =
    zero === null
      ? graph.node('Expand', [middle(), graph.ints(count)], [`${name}.zeros`])
      : reshaped(zero, 'zeros', count);
  const flat = reshaped(values, 'flat', count, BLOCK_SIZE);
  const scales = reshaped(scale, 'scales', count);
  const f32 = graph.node('DequantizeLinear', [flat, scales, zeros], [`${name}.f32`], { axis: 0 });
  const rows = reshaped(f32, 'rows', outFeatures, blocks * BLOCK_SIZE);
  const whole = inFeatures === blocks * BLOCK_SIZE;
  const value = whole ? rows : emitRange(graph, rows, 0, inFeatures, 1, `${name}.own`);
  return { value, outFirst: true, outFeatures };
}

/** The inputs of matrices with the same outputs one after the other, in float32. */
export function emitStacked(
  graph: GraphBuilder,
  matrices: readonly StoredMatrix[],
  name: string,
): ConstantMatrix {
  const [first] = matrices;
  if (first === undefined) throw new RangeError(`${name} has no matrix`);
  // Blocks of several matrices lie side by side where none ends inside of one; int8 scales differ by matrix.
  const whole = matrices.every(({ inFeatures }) => inFeatures % BLOCK_SIZE === 0);
  if (first.form === 'block' && whole) {
    const joined = (part: 'values' | 'scale' | 'zero'): string | null => {
      const values = matrices.flatMap(({ constants }) => constants[part] ?? []);
      return values.length === 0 ? null : emitJoined(graph, values, 1, `${name}.${part}`);
    };
    const constants = { values: joined('values') ?? '', scale: joined('scale'), zero: joined('zero') };
    const inFeatures = matrices.reduce((sum, matrix) => sum + matrix.inFeatures, 0);
    return emitConstant(graph, { ...first, inFeatures, constants }, name);
  }
  const parts = matrices.map((matrix, i) => emitConstant(graph, matrix, `${name}.${i}`));
  const outFirst = parts[0]?.outFirst === true;
  const value = emitJoined(
    graph,
    parts.map((part) => part.value),
    outFirst ? 1 : 0,
    `${name}.stacked`,
  );
  return { value, outFirst, outFeatures: first.outFeatures };
}
