/** Signed 8-bit weights with one scale per output channel: value = scale[n] * values[k * N + n]. */
export interface PerChannelInt8 {
  /** [K, N] row-major, the layout of DynamicQuantizeMatMul. */
  readonly values: Int8Array;
  /** [N] */
  readonly scales: Float32Array;
}

/** Two weights of one sign that follow each other on K may come to this, less what rounding adds. */
const LARGEST_PAIR = 127;

/**
 * Symmetric per-channel quantization. The scale leaves room for pairs: x64 processors without VNNI add the products of
 * two weights that follow each other on K and two unsigned activations in a signed 16-bit word, so these weights may come
 * to 128 at most (128 * 255 = 32,640; docs/decisions/0045-int8-without-overflow.md). Wherever K is begun, since parts of a
 * matrix are products of their own.
 *
 * @param weights [N, K] row-major.
 */
export function quantizePerChannel(weights: Float32Array, outChannels: number): PerChannelInt8 {
  const inner = weights.length / outChannels;
  const values = new Int8Array(weights.length);
  const scales = new Float32Array(outChannels);
  for (let n = 0; n < outChannels; n++) {
    const row = weights.subarray(n * inner, (n + 1) * inner);
    const scale = Math.fround(largestPair(row) / LARGEST_PAIR) || 1;
    scales[n] = scale;
    const inverse = 1 / scale;
    for (let k = 0, at = n; k < inner; k++, at += outChannels)
      values[at] = Math.round((row[k] as number) * inverse);
  }
  return { values, scales };
}

/** The largest size of a value, or of the sum of two of one sign that follow each other. */
function largestPair(row: Float32Array): number {
  let largest = 0;
  let before = 0;
  for (const value of row) {
    const size = Math.abs(value * before > 0 ? value + before : value);
    if (size > largest) largest = size;
    before = value;
  }
  return largest;
}

/** The f32 weights [N, K] that the quantized ones stand for. */
export function dequantizePerChannel(quantized: PerChannelInt8): Float32Array {
  const outChannels = quantized.scales.length;
  const inner = quantized.values.length / outChannels;
  const weights = new Float32Array(quantized.values.length);
  for (let n = 0; n < outChannels; n++)
    for (let k = 0; k < inner; k++)
      weights[n * inner + k] =
        (quantized.scales[n] as number) * (quantized.values[k * outChannels + n] as number);
  return weights;
}
