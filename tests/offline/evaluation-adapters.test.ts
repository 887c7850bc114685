import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { expect, it } from 'vitest';
import { adapterInputs } from '../../core/adapter-inputs.ts';
import { GRAPH } from '../../core/elastic-graph.ts';
import { unwrap } from '../../core/result.ts';
import { readAdapters } from '../../offline/bundle/adapters-file.ts';
import { switchesAt } from '../../offline/bundle/measure-quality.ts';
import { elasticize } from '../../offline/elasticize.ts';
import { openLevels } from '../../offline/evaluation/bundle-levels.ts';
import { promptFeeds } from '../../offline/graph/model-feeds.ts';
import { tinySourceModel } from '../../offline/sources/tiny-model.ts';
import { fakeRecovery } from './support/fake-recovery.ts';
import { largestDifference, someTokens } from './support/graph-lab.ts';
import { temporaryFolder } from './support/test-files.ts';

it('levels of a bundle with recovery run with their own adapters, the full level with none', async () => {
  const model = tinySourceModel({ seed: 34 });
  const folder = join(temporaryFolder(), 'bundle');
  const manifest = unwrap(
    await elasticize({
      model,
      out: folder,
      variant: 'f32',
      dataFolder: null,
      recovery: 'distill',
      adapter: { sites: ['o', 'mlp'], rank: 2, bias: true, norms: false },
      stages: { recover: fakeRecovery().stage },
    }),
  );
  const { recovery } = manifest;
  if (recovery === undefined) throw new Error('the bundle has no adapters');
  const adapters = readAdapters(join(folder, recovery.file), recovery.levels);
  expect(adapters.map(({ level }) => level)).toEqual([20, 30, 40, 50, 60, 70, 80, 90]);
  const session = await ort.InferenceSession.create(join(folder, manifest.graph.zeroRow));
  const opened = unwrap(await openLevels(folder, manifest));
  const tokens = someTokens(10, model.config.vocabSize);
  for (const [i, { level, prefix }] of manifest.levels.entries()) {
    const run = async (parameters: Float32Array | null): Promise<Float32Array> => {
      const feeds = promptFeeds(model.config, manifest.segments, tokens, 0, switchesAt(manifest, prefix));
      for (const { name, dims, data } of adapterInputs(model.config, recovery, parameters))
        feeds[name] = new ort.Tensor('float32', data, dims);
      return (await session.run(feeds))[GRAPH.logits]?.data as Float32Array;
    };
    const own = adapters.find((adapter) => adapter.level === level)?.parameters ?? null;
    const logits = (await opened.levels[i]?.source.logits(tokens)) ?? new Float32Array();
    expect(largestDifference(logits, await run(own)), `level ${level}`).toBeLessThan(1e-4);
    if (own !== null) expect(largestDifference(logits, await run(null))).toBeGreaterThan(1e-2);
  }
  expect(opened.levels.at(-1)?.level).toBe(100);
  await opened.close();
  await session.release();
});
