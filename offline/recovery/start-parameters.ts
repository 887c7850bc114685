import { normalSample, seededRandom } from '../../core/random.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import { adapterLayout, type AdapterParameters, type AdapterShape } from '../../core/recovery-adapter.ts';

/** Where training of the first level starts: A random, B and biases zero, so the model is unchanged (LoRA). */
export function startParameters(config: ModelConfig, shape: AdapterShape, seed: number): AdapterParameters {
  const { total, entries } = adapterLayout(config, shape);
  const parameters = new Float32Array(total);
  const random = seededRandom(seed);
  for (const { kind, offset, dims } of entries) {
    if (kind !== 'a') continue;
    const [inputs = 1, rank = 0] = dims;
    for (let i = 0; i < inputs * rank; i++) parameters[offset + i] = normalSample(random) / Math.sqrt(inputs);
  }
  return parameters;
}
