import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { normalSample, seededRandom } from '../../../core/random.ts';
import { adapterLayout } from '../../../core/recovery-adapter.ts';
import { ok } from '../../../core/result.ts';
import type { RecoverStage } from '../../../offline/pipeline/stages.ts';

/**
 * A recovery that trains nothing, in the form of the real one: a level at a time, each from the state that the
 * one before has left in the work folder. `trained` counts the levels that were worked on.
 *
 * @param size standard deviation of the parameters; of norms, around 1.
 */
export function fakeRecovery(size = 0.02): { readonly stage: RecoverStage; readonly trained: () => number } {
  let trained = 0;
  const stage: RecoverStage = ({ model, plan, shape, seed, steps, workFolder }, onFraction, signal) => {
    const { total, entries } = adapterLayout(model.config, shape);
    const firstNorm = entries.find(({ kind }) => kind === 'attentionNorm')?.offset ?? total;
    const levels = plan.levels.filter(({ level }) => level < 100 || shape.norms);
    const recovered = levels.map(({ level }, i) => {
      signal?.throwIfAborted();
      const checkpoint = join(workFolder, `${level}.bin`);
      let parameters: Float32Array;
      if (existsSync(checkpoint)) {
        const bytes = readFileSync(checkpoint);
        parameters = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
      } else {
        trained++;
        const random = seededRandom(seed * 1000 + level);
        parameters = Float32Array.from({ length: total }, (_, at) => {
          const value = size * normalSample(random);
          return at < firstNorm ? value : 1 + value;
        });
        writeFileSync(checkpoint, parameters);
      }
      onFraction((i + 1) / levels.length);
      return { level, parameters, heldOutLoss: 1, steps, tokens: steps * 8 };
    });
    const data = [{ name: 'nothing', sha256: 'ab'.repeat(32) }];
    return Promise.resolve(ok({ method: 'made up', data, levels: recovered, shared: null }));
  };
  return { stage, trained: () => trained };
}
