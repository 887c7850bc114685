import { BLOCK_SIZE } from '../../quantize/block-wise.ts';
import type { GraphBuilder } from '../graph-builder.ts';
import type { Linear } from '../linear.ts';

/** Value of a quantized 8-bit weight that stands for 0. */
const ZERO_8BIT = 128;
/** What a byte of two 4-bit values counts the second one by. */
const NIBBLE = 16;

/**
 * A stored matrix as float32 [out, in], whatever its form: plain operators over constants, which ONNX Runtime
 * computes once when it opens the graph (constant folding), so that a provider sees a constant.
 */
export function emitStoredMatrix(graph: GraphBuilder, linear: Linear): string {
  const { name, form } = linear;
  switch (form) {
    case 'f32':
      return graph.weight(name);
    case 'int8': {
      const values = graph.node('Cast', [graph.weight(name)], [`${name}.f32`], { to: 1 });
      const scaled = graph.node('Mul', [values, graph.weight(`${name}.scale`)], [`${name}.scaled`]);
      return graph.node('Transpose', [scaled], [`${name}.w`], { perm: [1, 0] });
    }
    case 'block8': {
      const values = graph.node('Cast', [graph.weight(name)], [`${name}.f32`], { to: 1 });
      const centred = graph.node('Sub', [values, graph.floats(ZERO_8BIT)], [`${name}.centred`]);
      return emitBlocks(graph, linear, centred);
    }
    case 'block4': {
      const blocks = blocksOf(linear);
      const bytesPerBlock = BLOCK_SIZE / 2;
      const values = emitNibbles(
        graph,
        graph.view(name, [linear.outFeatures, blocks, bytesPerBlock, 1]),
        [linear.outFeatures, blocks, BLOCK_SIZE],
        name,
      );
      const zero = `${name}.zero`;
      const zeroBytes = Math.ceil(blocks / 2);
      const zeros = emitNibbles(
        graph,
        graph.view(zero, [linear.outFeatures, zeroBytes, 1]),
        [linear.outFeatures, 2 * zeroBytes, 1],
        zero,
      );
      const own = 2 * zeroBytes === blocks ? zeros : emitRows(graph, zeros, 0, blocks, 1, `${zero}.own`);
      return emitBlocks(graph, linear, graph.node('Sub', [values, own], [`${name}.centred`]));
    }
  }
}

/** Elements [from, to) of an axis. */
export function emitRows(
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

function blocksOf({ inFeatures }: Linear): number {
  return Math.ceil(inFeatures / BLOCK_SIZE);
}

/** Scales [out, blocks, block] block by block and drops what rows were padded with. */
function emitBlocks(graph: GraphBuilder, linear: Linear, centred: string): string {
  const { name, inFeatures, outFeatures } = linear;
  const blocks = blocksOf(linear);
  const scale = graph.view(`${name}.scale`, [outFeatures, blocks, 1]);
  const scaled = graph.node('Mul', [centred, scale], [`${name}.scaled`]);
  const padded = graph.node('Reshape', [scaled, graph.ints(outFeatures, blocks * BLOCK_SIZE)], [`${name}.w`]);
  if (inFeatures === blocks * BLOCK_SIZE) return padded;
  return emitRows(graph, padded, 0, inFeatures, 1, `${name}.cut`);
}

/** Both 4-bit values of each byte, the low one first, as float32 of these dims; the last of `bytes`' dims is 1. */
function emitNibbles(graph: GraphBuilder, bytes: string, dims: readonly number[], name: string): string {
  const values = graph.node('Cast', [bytes], [`${name}.bytes`], { to: 1 });
  const shifted = graph.node('Mul', [values, graph.floats(1 / NIBBLE)], [`${name}.shifted`]);
  const high = graph.node('Floor', [shifted], [`${name}.high`]);
  const above = graph.node('Mul', [high, graph.floats(NIBBLE)], [`${name}.above`]);
  const low = graph.node('Sub', [values, above], [`${name}.low`]);
  const pairs = graph.node('Concat', [low, high], [`${name}.pairs`], { axis: -1 });
  return graph.node('Reshape', [pairs, graph.ints(...dims)], [`${name}.values`]);
}
