import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { unwrap, type Result } from '../../core/result.ts';
import { EngineHost } from '../../device-agent/host/engine-host.ts';
import { openPromptEncoder, type PromptEncoder } from '../../device-agent/host/prompt-encoder.ts';
import { checkLowering, levelsOf, modelOfManifest } from '../../device-agent/engine/engine-model.ts';
import type { GenerationRequest } from '../../device-agent/engine/generate.ts';
import { tinySourceModel } from '../../offline/index.ts';
import { buildAgentFile } from './support/build-worker.ts';
import { makeTinyBundle, type TinyBundle } from './support/tiny-bundle.ts';

let bundle: TinyBundle;
let host: EngineHost;
let encoder: PromptEncoder;
let workerFile = '';

beforeAll(async () => {
  // Six layers: the full level and 90 then differ in MLPs only.
  bundle = await makeTinyBundle('f32', { model: tinySourceModel({ config: { layers: 6 } }) });
  workerFile = await buildAgentFile('engine-worker');
  const { dir, manifest } = bundle;
  encoder = unwrap(await openPromptEncoder(dir, manifest));
  const options = { bundleDir: dir, manifest, threads: 1, segmentForm: 'auto', stampFile: null } as const;
  host = new EngineHost({ ...options, workerFile, log: () => undefined });
  unwrap(await host.open());
});
afterAll(async () => {
  await host.close();
  rmSync(dirname(workerFile), { recursive: true, force: true });
  bundle.remove();
});

const request = (change: Partial<GenerationRequest>): GenerationRequest => ({
  promptTokens: encoder.encodeText('Once upon a time there was a phone'),
  maxTokens: 40,
  level: 100,
  sampling: { temperature: 0, topP: 1, seed: 1 },
  stop: [],
  eosTokenIds: [],
  logprobs: null,
  scorePrompt: false,
  ...change,
});

async function tokensOf(
  change: Partial<GenerationRequest>,
  onFirst: () => void = () => undefined,
): Promise<number[]> {
  const tokens: number[] = [];
  const onToken = ({ token, index }: { token: number; index: number }): void => {
    tokens.push(token);
    if (index === 0) onFirst();
  };
  unwrap(await host.run(request(change), encoder.table, { onToken }));
  return tokens;
}

test('the level of a run under way can be lowered where only MLP segments differ', async () => {
  const levels = levelsOf(modelOfManifest(bundle.manifest));
  const full = levels.at(-1);
  const lower = levels.find((level) => full !== undefined && level !== full && checkLowering(full, level).ok);
  if (lower === undefined) throw new Error('the tiny model has such a level');
  let lowered: Promise<Result<{ from: number }>> | null = null;
  const changed = await tokensOf({ maxTokens: 300 }, () => {
    lowered = host.lowerLevel(lower.level);
  });
  expect(await lowered).toMatchObject({ ok: true, value: { from: 100 } });
  const unchanged = await tokensOf({ maxTokens: 300 });
  expect(changed).toHaveLength(300);
  expect(changed).not.toEqual(unchanged);
  expect(changed[0]).toBe(unchanged[0]);
});

test('every wish to lower is answered, also one that comes before the answer to the last', async () => {
  const lower = levelsOf(modelOfManifest(bundle.manifest)).find(({ level }) => level === 90);
  if (lower === undefined) throw new Error('the tiny model has such a level');
  let wishes: Promise<Result<unknown>>[] = [];
  await tokensOf({ maxTokens: 300 }, () => {
    wishes = [host.lowerLevel(lower.level), host.lowerLevel(lower.level), host.lowerLevel(20)];
  });
  const [first, again, unfit] = await Promise.all(wishes);
  expect(first).toMatchObject({ ok: true, value: { from: 100 } });
  expect(again).toMatchObject({ ok: true, value: { from: 90 } });
  expect(unfit).toMatchObject({ ok: false, failure: { code: 'level-not-lowerable' } });
});

test('raising the level of a run, or lowering it without a run, is refused', async () => {
  let raised: Promise<Result<unknown>> | null = null;
  await tokensOf({ level: 20 }, () => {
    raised = host.lowerLevel(100);
  });
  expect(await raised).toMatchObject({ ok: false, failure: { code: 'level-not-lowerable' } });
  expect(await host.lowerLevel(20)).toMatchObject({ ok: false, failure: { code: 'request-over' } });
});

test('a run that the runtime refuses fails alone', async () => {
  const outside = bundle.manifest.model.vocabSize + 5;
  const refused = await host.run(request({ promptTokens: [1, outside] }), encoder.table, {});
  expect(refused).toMatchObject({ ok: false, failure: { code: 'engine-run' } });
  expect(await tokensOf({ maxTokens: 3 })).toHaveLength(3);
});

test('end tokens end the text and count as a token', async () => {
  const [first, second, third] = await tokensOf({
    maxTokens: 20,
    sampling: { temperature: 1, topP: 1, seed: 4 },
  });
  expect(new Set([first, second, third]).size).toBe(3);
  const ended = await tokensOf({
    maxTokens: 20,
    sampling: { temperature: 1, topP: 1, seed: 4 },
    eosTokenIds: [third ?? -1],
  });
  expect(ended).toEqual([first, second, third]);
});

test('an abort ends a run within one token', async () => {
  const controller = new AbortController();
  let after = 0;
  const ended = unwrap(
    await host.run(
      request({ maxTokens: 400 }),
      encoder.table,
      {
        onToken: ({ index }) => {
          if (index === 3) controller.abort();
          if (controller.signal.aborted) after++;
        },
      },
      controller.signal,
    ),
  );
  expect(ended.reason).toBe('cancelled');
  expect(ended.tokens).toBeLessThan(200);
  expect(after).toBe(ended.tokens - 3);
});

test('prefill on a provider that the runtime lacks is refused, and the engine goes on', async () => {
  expect(await host.prefillOn('xnnpack')).toMatchObject({ ok: false, failure: { code: 'provider-missing' } });
  expect(host.prefillProvider).toBe('cpu');
  const end = unwrap(await host.run(request({ maxTokens: 3 }), encoder.table, {}));
  expect(end).toMatchObject({ ahead: null, tokens: 3 });
});
