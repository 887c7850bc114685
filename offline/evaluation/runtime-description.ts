import { cpus } from 'node:os';
import * as ort from 'onnxruntime-node';

/** What figures were computed with: int8 products differ between CPUs and runtime versions. */
export interface RuntimeDescription {
  readonly cpu: string;
  readonly onnxruntime: string;
}

export function runtimeDescription(): RuntimeDescription {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    onnxruntime: ort.env.versions.node ?? ort.env.versions.common,
  };
}
