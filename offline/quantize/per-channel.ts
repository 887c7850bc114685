/** Signed 8-bit weights with one scale per output channel: value = scale[n] * values[k * N + n]. */
export interface PerChannelInt8 {
  /** [K, N] row-major, the layout of DynamicQuantizeMatMul. */
  readonly values: Int8Array;
  /** [N] */
  readonly scales: Float32Array;
}

/**
 * Symmetric per-channel quantization.
 *
 * @param weights [N, K] row-major.
 */
export function quantizePerChannel(weights: Float32Array, outChannels: number): PerChannelInt8 {
  const inner = weights.length / outChannels;
  const values = new Int8Array(weights.length);
  const scales = new Float32Array(outChannels);
  for (let n = 0; n < outChannels; n++) {
    const row = weights.subarray(n * inner, (n + 1) * inner);
    let largest = 0;
    for (let k = 0; k < inner; k++) {
      const size = Math.abs(row[k] as number);
      if (size > largest) largest = size;
    }
    const scale = Math.fround(largest / 127) || 1;
    scales[n] = scale;
    const inverse = 1 / scale;
    for (let k = 0, at = n; k < inner; k++, at += outChannels)
      values[at] = Math.round((row[k] as number) * inverse);
  }
  return { values, scales };
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
