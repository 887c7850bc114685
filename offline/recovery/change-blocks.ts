import { dequantizeGgml, GGML_BLOCK, ggmlTypeBytes, quantizeGgml } from '../sources/gguf-blocks.ts';

/** 4.5 bits a value: a change is small beside the weights that it is added to, and so is its rounding. */
const CHANGE_TYPE = 'Q4_0';

function inWholeBlocks(values: number): number {
  return Math.ceil(values / GGML_BLOCK) * GGML_BLOCK;
}

/** Bytes of {@link encodeChange}. */
export function changeBytes(values: number): number {
  return ggmlTypeBytes(CHANGE_TYPE, inWholeBlocks(values)) as number;
}

/**
 * A change of weights in GGUF's blocks, the last one filled up with zeros. What was decoded is kept as it is when it is
 * encoded again.
 */
export function encodeChange(values: Float32Array): Uint8Array {
  const padded = new Float32Array(inWholeBlocks(values.length));
  padded.set(values);
  return quantizeGgml(CHANGE_TYPE, padded);
}

/** @param length how many values were encoded */
export function decodeChange(bytes: Uint8Array, length: number): Float32Array {
  if (bytes.length !== changeBytes(length))
    throw new RangeError(`${bytes.length} bytes are no change of ${length} values`);
  const blocks = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return dequantizeGgml(CHANGE_TYPE, blocks, inWholeBlocks(length)).subarray(0, length);
}
