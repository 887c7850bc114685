import { argmax } from '../../../device-agent/engine/sampling.ts';
import { TINY_CONFIG } from '../../../offline/sources/tiny-model.ts';

/** Of {@link PrintedLogits}; empty where there are none. */
export function floats(base64: string | undefined): Float32Array {
  const bytes = Buffer.from(base64 ?? '', 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** Largest difference of a logit, in standard deviations of all of `a`. */
export function relativeDifference(a: Float32Array, b: Float32Array): number {
  if (a.length === 0 || a.length !== b.length) return Infinity;
  const mean = a.reduce((sum, value) => sum + value, 0) / a.length;
  const deviation = Math.sqrt(a.reduce((sum, value) => sum + (value - mean) ** 2, 0) / a.length);
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b[i] ?? NaN))), 0) / deviation;
}

/** Share of positions after which the same token is the likeliest, 0..1. */
export function agreement(a: Float32Array, b: Float32Array): number {
  const { vocabSize } = TINY_CONFIG;
  const rows = Array.from({ length: a.length / vocabSize }, (_, row) => row * vocabSize);
  const choice = (logits: Float32Array, at: number): number => argmax(logits.subarray(at, at + vocabSize));
  return rows.filter((at) => choice(a, at) === choice(b, at)).length / rows.length;
}
