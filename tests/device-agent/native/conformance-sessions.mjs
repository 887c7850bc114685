import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { WEIGHTS } from './conformance-models.mjs';
import { addFeeds, floats, open, opened, plain } from './conformance-values.mjs';

const wrongOption = (options) => (ort, models) =>
  opened(ort, models.add, async (session) => plain(await session.run(addFeeds(ort))), {
    logSeverityLevel: 4,
    ...options,
  });

/** Options, ways to load a model, and the end of a session. */
export const SESSION_CASES = {
  ...Object.fromEntries(
    [
      { executionProviders: 'cpu' },
      { executionProviders: [1] },
      { executionProviders: [{}] },
      { executionProviders: ['moon'] },
      { executionProviders: [] },
      { executionProviders: ['cpu'] },
      { executionProviders: [{ name: 'cpu' }] },
      { intraOpNumThreads: 'two' },
      { intraOpNumThreads: -1 },
      { intraOpNumThreads: 1.5 },
      { intraOpNumThreads: 1 },
      { interOpNumThreads: '1' },
      { interOpNumThreads: -2 },
      { interOpNumThreads: 1 },
      { graphOptimizationLevel: 3 },
      { graphOptimizationLevel: 'most' },
      ...['disabled', 'basic', 'extended', 'layout', 'all'].map((graphOptimizationLevel) => ({
        graphOptimizationLevel,
      })),
      { enableCpuMemArena: 1 },
      { enableCpuMemArena: true },
      { enableCpuMemArena: false },
      { enableMemPattern: 'yes' },
      { enableMemPattern: true },
      { enableMemPattern: false },
      { optimizedModelFilePath: 1 },
      { extra: 'x' },
      { extra: { session: { disable_prepacking: 1 } } },
      { extra: { session: { disable_prepacking: '1', intra_op: { allow_spinning: '0' } }, 'a.b': 'c' } },
      { extra: { ['k'.repeat(2000)]: 'v' } },
      { executionMode: 1 },
      { executionMode: 'random' },
      { executionMode: 'sequential' },
      { executionMode: 'parallel' },
      { logId: 1 },
      { logId: 'mine' },
      { logSeverityLevel: 'low' },
      { logSeverityLevel: 9 },
      { logSeverityLevel: 0.5 },
      { enableProfiling: 1 },
      { enableProfiling: true },
      { enableProfiling: true, profileFilePrefix: 1 },
      { enableProfiling: false },
      { externalData: 1 },
      { externalData: [1] },
      { externalData: [{}] },
      { externalData: [{ path: 'x' }] },
      { externalData: [{ path: 'x', data: new Float32Array(1) }] },
      { externalData: null },
      { externalData: [] },
    ].map((options) => [`option ${JSON.stringify(options).slice(0, 80)}`, wrongOption(options)]),
  ),
  'weights in a file beside the model': (ort, models) =>
    opened(ort, models.outside, async (session) => plain(await session.run({ x: floats(ort, [2, 4]) }))),
  'weights in memory': async (ort, models) => {
    const externalData = [{ path: 'no-such-file.bin', data: new Uint8Array(WEIGHTS.buffer) }];
    return opened(
      ort,
      readFileSync(models.missing),
      async (session) => plain(await session.run({ x: floats(ort, [2, 4]) })),
      { externalData },
    );
  },
  'weights that are nowhere': (ort, models) => open(ort, models.missing),
  'a model in memory': (ort, models) =>
    opened(ort, readFileSync(models.inside), async (session) =>
      plain(await session.run({ x: floats(ort, [1, 4]) })),
    ),
  'a model in the middle of a larger buffer': (ort, models) => {
    const model = readFileSync(models.inside);
    const larger = new Uint8Array(model.length + 20);
    larger.set(model, 7);
    return opened(ort, larger.subarray(7, 7 + model.length), async (session) =>
      plain(await session.run({ x: floats(ort, [1, 4]) })),
    );
  },
  'no such file': (ort, models) => open(ort, join(dirname(models.add), 'none.onnx')),
  'no model in the file': (ort, models) => open(ort, join(dirname(models.add), 'broken.onnx')),
  'no model in the buffer': (ort) => open(ort, new Uint8Array(10)),
  'no such operator': (ort, models) => open(ort, models.unknown),
  'a run after the release': async (ort, models) => {
    const session = await open(ort, models.add);
    await session.release();
    return session.run(addFeeds(ort));
  },
  'a second release': async (ort, models) => {
    const session = await open(ort, models.add);
    await session.release();
    return session.release();
  },
  'an optimized model is written': async (ort, models) => {
    const optimizedModelFilePath = join(dirname(models.add), 'optimized.onnx');
    await opened(ort, models.inside, () => null, { logSeverityLevel: 4, optimizedModelFilePath });
    const { size } = statSync(optimizedModelFilePath);
    rmSync(optimizedModelFilePath);
    return size;
  },
  'a profile is written': async (ort, models) => {
    const folder = dirname(models.add);
    const profileFilePrefix = join(folder, 'profile');
    await opened(
      ort,
      models.add,
      async (session) => {
        await session.run(addFeeds(ort));
        session.endProfiling();
      },
      { enableProfiling: true, profileFilePrefix },
    );
    const files = readdirSync(folder).filter((name) => name.startsWith('profile'));
    const events = files.flatMap((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')));
    for (const name of files) rmSync(join(folder, name));
    return {
      files: files.length,
      nodes: events.filter(({ cat }) => cat === 'Node').map(({ name }) => name),
      left: existsSync(profileFilePrefix),
    };
  },
};
