import { floatToHalf, halfToFloat } from '../../core/half-float.ts';
import { normalSample, seededRandom } from '../../core/random.ts';
import { tlmLayout, type TlmConfig, type TlmEntry } from '../../core/tlm.ts';

/** What the heads' last matrices begin with: scores and logits near zero, so that no choice is preferred. */
const HEAD_DEVIATION = 0.02;
const HEAD_OUTPUTS = new Set(['score.out', 'decision.prompt', 'decision.level']);

/** Random parameters to train from, [`tlmLayout(...).total`]; equal seeds give equal parameters. */
export function initialTlmParameters(config: TlmConfig, inputSize: number, seed: number): Float32Array {
  const { total, entries } = tlmLayout(config, inputSize);
  const random = seededRandom(seed);
  const parameters = new Float32Array(total);
  const depth = config.sharedLayers + Math.max(config.scoreLayers, config.decisionLayers);
  for (const entry of entries) {
    const view = tlmView(parameters, entry);
    const [inputs = 1, outputs] = entry.dims;
    if (outputs === undefined) {
      view.fill(1);
      continue;
    }
    const addsToStream = entry.name.endsWith('.o') || entry.name.endsWith('.down');
    const deviation = HEAD_OUTPUTS.has(entry.name)
      ? HEAD_DEVIATION
      : 1 / Math.sqrt(inputs * (addsToStream ? 2 * depth : 1));
    for (let i = 0; i < view.length; i++) view[i] = deviation * normalSample(random);
  }
  return parameters;
}

/** The part of flat parameters that belongs to one entry; shares memory. */
export function tlmView(parameters: Float32Array, { offset, length }: TlmEntry): Float32Array {
  return parameters.subarray(offset, offset + length);
}

/** Parameters as a recipe keeps them: f16, little-endian. Throws on one that does not fit. */
export function encodeTlm(parameters: Float32Array): Uint8Array {
  const bytes = new Uint8Array(2 * parameters.length);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of parameters.entries()) {
    if (!(Math.abs(value) < 65504)) throw new RangeError(`TLM parameter ${i} does not fit into float16`);
    view.setUint16(2 * i, floatToHalf(value), true);
  }
  return bytes;
}

export function decodeTlm(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parameters = new Float32Array(bytes.byteLength / 2);
  for (let i = 0; i < parameters.length; i++) parameters[i] = halfToFloat(view.getUint16(2 * i, true));
  return parameters;
}
