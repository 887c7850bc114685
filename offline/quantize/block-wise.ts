/** Elements that share a scale along the input dimension: MatMulNBits' block_size. */
export const BLOCK_SIZE = 32;

/** Weights in the layout of MatMulNBits: blocks along the input dimension, rows padded to whole blocks. */
export interface BlockWise {
  /** [N, blocks, BLOCK_SIZE * bits / 8]; of two 4-bit values in a byte the first is the low one. */
  readonly values: Uint8Array;
  /** [N, blocks] */
  readonly scales: Float32Array;
  /** 4-bit only: [N, ceil(blocks / 2)], packed as the values. 8-bit uses the operator's default, 128. */
  readonly zeroPoints: Uint8Array | null;
}

const ZERO_8BIT = 128;

function blocksPerRow(inner: number): number {
  return Math.ceil(inner / BLOCK_SIZE);
}

/** Symmetric 8 bit. @param weights [N, K] row-major. */
export function quantizeBlocks8(weights: Float32Array, outChannels: number): BlockWise {
  const inner = weights.length / outChannels;
  const blocks = blocksPerRow(inner);
  const values = new Uint8Array(outChannels * blocks * BLOCK_SIZE).fill(ZERO_8BIT);
  const scales = new Float32Array(outChannels * blocks);
  for (let n = 0; n < outChannels; n++)
    for (let block = 0; block < blocks; block++) {
      const from = n * inner + block * BLOCK_SIZE;
      const to = Math.min(from + BLOCK_SIZE, (n + 1) * inner);
      let largest = 0;
      for (let i = from; i < to; i++) {
        const size = Math.abs(weights[i] as number);
        if (size > largest) largest = size;
      }
      const scale = Math.fround(largest / 127) || 1;
      scales[n * blocks + block] = scale;
      const inverse = 1 / scale;
      const out = (n * blocks + block) * BLOCK_SIZE;
      for (let i = from; i < to; i++)
        values[out + i - from] = ZERO_8BIT + Math.round((weights[i] as number) * inverse);
    }
  return { values, scales, zeroPoints: null };
}

/** Asymmetric 4 bit: the block's range, widened to hold 0, over 15 steps. @param weights [N, K] row-major. */
export function quantizeBlocks4(weights: Float32Array, outChannels: number): BlockWise {
  const inner = weights.length / outChannels;
  const blocks = blocksPerRow(inner);
  const zeroBytes = Math.ceil(blocks / 2);
  const values = new Uint8Array((outChannels * blocks * BLOCK_SIZE) / 2);
  const scales = new Float32Array(outChannels * blocks);
  const zeroPoints = new Uint8Array(outChannels * zeroBytes);
  for (let n = 0; n < outChannels; n++)
    for (let block = 0; block < blocks; block++) {
      const from = n * inner + block * BLOCK_SIZE;
      const to = Math.min(from + BLOCK_SIZE, (n + 1) * inner);
      let low = 0;
      let high = 0;
      for (let i = from; i < to; i++) {
        const value = weights[i] as number;
        if (value < low) low = value;
        else if (value > high) high = value;
      }
      const scale = Math.fround((high - low) / 15) || 1;
      const inverse = 1 / scale;
      const zero = Math.min(15, Math.max(0, Math.round(-low * inverse)));
      scales[n * blocks + block] = scale;
      const zeroAt = n * zeroBytes + (block >> 1);
      zeroPoints[zeroAt] = (zeroPoints[zeroAt] as number) | (zero << (4 * (block & 1)));
      const out = ((n * blocks + block) * BLOCK_SIZE) / 2;
      for (let i = 0; i < BLOCK_SIZE; i++) {
        const value = from + i < to ? (weights[from + i] as number) : 0;
        const q = Math.min(15, Math.max(0, Math.round(value * inverse) + zero));
        values[out + (i >> 1)] = (values[out + (i >> 1)] as number) | (q << (4 * (i & 1)));
      }
    }
  return { values, scales, zeroPoints };
}

/** The f32 weights [N, K] that the quantized ones stand for. */
export function dequantizeBlocks(quantized: BlockWise, outChannels: number, inner: number): Float32Array {
  const blocks = blocksPerRow(inner);
  const weights = new Float32Array(outChannels * inner);
  for (let n = 0; n < outChannels; n++)
    for (let k = 0; k < inner; k++) {
      const block = Math.floor(k / BLOCK_SIZE);
      const at = (n * blocks + block) * BLOCK_SIZE + (k % BLOCK_SIZE);
      const scale = quantized.scales[n * blocks + block] as number;
      if (quantized.zeroPoints === null) {
        weights[n * inner + k] = scale * ((quantized.values[at] as number) - ZERO_8BIT);
      } else {
        const q = ((quantized.values[at >> 1] as number) >> (4 * (at & 1))) & 15;
        const zeroByte = quantized.zeroPoints[n * Math.ceil(blocks / 2) + (block >> 1)] as number;
        weights[n * inner + k] = scale * (q - ((zeroByte >> (4 * (block & 1))) & 15));
      }
    }
  return weights;
}
