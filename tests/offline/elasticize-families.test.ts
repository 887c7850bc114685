import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../../core/result.ts';
import { openEngine } from '../../device-agent/index.ts';
import { elasticize } from '../../offline/elasticize.ts';
import { DEFAULT_CRITERION } from '../../offline/importance/criteria.ts';
import { temporaryFolder } from './support/test-files.ts';
import { tinyFamily, type Family } from './support/tiny-architectures.ts';

describe('the whole stage with gradients and recovery', () => {
  // A context shorter than the usual windows: they must fit it, and are seen faster.
  it.each<Family>(['SmolLM2', 'Qwen2', 'Qwen3'])(
    'makes of a tiny random %s a bundle that the engine runs at every level',
    async (family) => {
      const model = tinyFamily(family, 31, { layers: 3, ffnSize: 64, contextLength: 64 });
      const out = join(temporaryFolder(), 'bundle');
      const manifest = unwrap(
        await elasticize({
          model,
          out,
          variant: 'int8',
          criterion: DEFAULT_CRITERION,
          recovery: 'distill',
          sharedRank: 2,
          steps: 1,
          dataFolder: null,
        }),
      );
      expect(manifest.model).toEqual(model.config);
      expect(manifest.recovery?.levels.map(({ level }) => level)).toEqual(
        manifest.levels.map(({ level }) => level),
      );
      const { engine } = unwrap(await openEngine({ bundleDir: out, threads: 1 }));
      for (const level of engine.levels) {
        unwrap(engine.setLevel(level));
        const sequence = engine.open(3, 2);
        const prompt = await engine.prefill(sequence, [5, 9, 40]);
        const step = await engine.step(sequence, 7);
        expect([...(prompt ?? [Number.NaN]), ...step].every(Number.isFinite), `level ${level}`).toBe(true);
        engine.close(sequence);
      }
      await engine.dispose();
    },
    120_000,
  );
});
