import type { InferenceSession } from 'onnxruntime-node';
import { decoderParams, type ModelConfig } from '../../core/model-config.ts';
import type { ComputeDevice } from './compute-device.ts';
import { OFFLINE_SESSION } from './model-feeds.ts';

/** Decoders above this many parameters (2 GB in f32) are not packed: {@link f32Session}. */
const PACKED_PARAMS = 500e6;

/**
 * Options of a session over a model's f32 weights. ONNX Runtime packs every matrix once per product that reads
 * it, so a backward graph holds the decoder twice in memory of its own: 13 GB for 1.7B parameters, and calibration
 * or a teacher lies beside it. Sessions of larger models compute on the mapped file instead, which they share
 * and which the system may drop (docs/decisions/0068-large-models-unpacked.md).
 */
export function f32Session(config: ModelConfig, device: ComputeDevice): InferenceSession.SessionOptions {
  // What CUDA has no kernel for runs on the CPU.
  if (device === 'cuda') return { ...OFFLINE_SESSION, executionProviders: ['cuda', 'cpu'] };
  if (decoderParams(config) <= PACKED_PARAMS) return OFFLINE_SESSION;
  return { extra: { session: { disable_prepacking: '1', intra_op: { allow_spinning: '0' } } } };
}
