import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Variant } from '../../core/bundle-manifest.ts';
import { attentionSegments, segmentsOnAt } from '../../core/elastic-graph.ts';
import type { Level } from '../../core/level.ts';
import { unwrap } from '../../core/result.ts';
import { argmax } from '../../device-agent/engine/sampling.ts';
import { generate, type GenerationEnd, type GenerationRequest } from '../../device-agent/engine/generate.ts';
import { KvCache, type KvShape } from '../../device-agent/engine/kv-cache.ts';
import { StaticPrefill, type StaticPrefillOptions } from '../../device-agent/engine/static/static-prefill.ts';
import { openEngine, type ElasticEngine, type Sequence } from '../../device-agent/index.ts';
import { tinyFamily, type Family } from '../offline/support/tiny-architectures.ts';
import { makeTinyBundle, type TinyBundle } from './support/tiny-bundle.ts';

const CHUNK = 8;
const prompt = Array.from({ length: 45 }, (_, i) => (i * 37 + 11) % 250);

function optionsFor(
  { dir, manifest }: TinyBundle,
  more: Partial<StaticPrefillOptions> = {},
): StaticPrefillOptions {
  return {
    bundleDir: dir,
    manifest,
    chunk: CHUNK,
    pastBuckets: [],
    minimumFill: 0.5,
    places: 3,
    provider: 'cpu',
    providers: ['cpu'],
    threads: 1,
    ...more,
  };
}

/** Keys and values of the segments that are on, position by position. */
function rowsOf({ manifest }: TinyBundle, { cache }: Sequence, level: Level): number[] {
  const prefix = manifest.levels.find((entry) => entry.level === level)?.prefix ?? 0;
  const on = segmentsOnAt(manifest, prefix);
  const places = attentionSegments(manifest.segments);
  const { headDim } = manifest.model;
  return [cache.keys, cache.values].flatMap((side) =>
    places.flatMap((index, place) => {
      const groups = manifest.segments[index]?.units ?? 0;
      const data = side[place]?.data as Float32Array;
      if (on[index] !== true) return [];
      return Array.from({ length: groups }, (_, group) => {
        const from = group * cache.capacity * headDim;
        return [...data.subarray(from, from + cache.length * headDim)];
      }).flat();
    }),
  );
}

/** Root mean square of the difference over that of `expected`. */
function relativeError(values: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (values.length !== expected.length || values.length === 0) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let size = 0;
  for (let i = 0; i < values.length; i++) {
    difference += ((values[i] ?? Number.NaN) - (expected[i] ?? 0)) ** 2;
    size += (expected[i] ?? 0) ** 2;
  }
  return Math.sqrt(difference / size);
}

interface Prefilled {
  readonly rows: number[];
  readonly logits: Float32Array;
  /** Greedy continuation. */
  readonly tokens: number[];
}

/** Prefill by the engine alone, or ahead of it, and four tokens of decoding. */
async function run(
  bundle: TinyBundle,
  engine: ElasticEngine,
  level: Level,
  tokens: readonly number[],
  ahead: { readonly prefill: StaticPrefill; readonly expected: number } | null,
): Promise<Prefilled> {
  unwrap(engine.setLevel(level));
  const sequence = engine.open(tokens.length, 4);
  if (ahead !== null) {
    const done = await ahead.prefill.prefill(sequence.cache, level, tokens);
    expect(done).toEqual({ tokens: ahead.expected, failure: null });
  }
  const first = (await engine.prefill(sequence, tokens.slice(sequence.cache.length))) ?? new Float32Array();
  const rows = rowsOf(bundle, sequence, level);
  const continued: number[] = [];
  for (let logits = first; continued.length < 4;) {
    continued.push(argmax(logits));
    logits = await engine.step(sequence, continued.at(-1) ?? 0);
  }
  engine.close(sequence);
  return { rows, logits: first, tokens: continued };
}

async function opened(bundle: TinyBundle, more?: Partial<StaticPrefillOptions>): Promise<StaticPrefill> {
  return unwrap(await StaticPrefill.open(optionsFor(bundle, more)));
}

describe.each<[Family, boolean]>([
  ['SmolLM2', true],
  ['Llama with a KV head for every query head', false],
  ['Qwen2', true],
  ['Qwen3', false],
  ['Llama with eight KV heads', true],
  ['Qwen2 with eight KV heads', false],
  ['Qwen3 with eight KV heads', true],
])('static prefill of a random %s', (family, recovered) => {
  let bundle: TinyBundle;
  let engine: ElasticEngine;
  beforeAll(async () => {
    const adapter = recovered
      ? { adapter: { sites: ['o' as const, 'mlp' as const], rank: 2, bias: true, norms: true } }
      : {};
    bundle = await makeTinyBundle('f32', { model: tinyFamily(family), ...adapter });
    engine = unwrap(await openEngine({ bundleDir: bundle.dir, threads: 1 })).engine;
  });
  afterAll(async () => {
    await engine.dispose();
    bundle.remove();
  });

  test('gives at every level the rows, logits and continuation of the engine alone', async () => {
    const prefill = await opened(bundle);
    for (const level of engine.levels) {
      unwrap(await prefill.load(level));
      const alone = await run(bundle, engine, level, prompt, null);
      // Five chunks, and four tokens of the sixth: just enough to run it.
      const ahead = await run(bundle, engine, level, prompt, { prefill, expected: 44 });
      expect(relativeError(ahead.rows, alone.rows), `rows at ${level}`).toBeLessThan(1e-5);
      expect(relativeError(ahead.logits, alone.logits), `logits at ${level}`).toBeLessThan(1e-4);
      expect(ahead.tokens, `level ${level}`).toEqual(alone.tokens);
    }
    await prefill.dispose();
  });

  test('with a fixed number of past rows gives the same', async () => {
    const prefill = await opened(bundle, { pastBuckets: [16, 40] });
    for (const level of [engine.levels[0] ?? 20, 100] as const) {
      unwrap(await prefill.load(level));
      const alone = await run(bundle, engine, level, prompt, null);
      const ahead = await run(bundle, engine, level, prompt, { prefill, expected: 44 });
      expect(relativeError(ahead.rows, alone.rows), `rows at ${level}`).toBeLessThan(1e-5);
      expect(ahead.tokens, `level ${level}`).toEqual(alone.tokens);
    }
    await prefill.dispose();
  });
});

describe('the part of a prompt that static graphs run', () => {
  let bundle: TinyBundle;
  let engine: ElasticEngine;
  beforeAll(async () => {
    bundle = await makeTinyBundle('f32', { model: tinyFamily('SmolLM2') });
    engine = unwrap(await openEngine({ bundleDir: bundle.dir, threads: 1 })).engine;
  });
  afterAll(async () => {
    await engine.dispose();
    bundle.remove();
  });

  test.each([
    [CHUNK + 1, CHUNK, 'exactly one chunk, the last token is the engine’s'],
    [CHUNK, CHUNK - 1, 'a chunk filled up by one'],
    [CHUNK + 4, CHUNK, 'a second chunk with too few tokens'],
    [CHUNK + 5, CHUNK + 4, 'a second chunk with just enough'],
    [4, 0, 'too few tokens for any chunk'],
    [1, 0, 'a single token'],
  ])('of %i tokens is %i: %s', async (count, expected) => {
    const prefill = await opened(bundle);
    unwrap(await prefill.load(60));
    const tokens = prompt.slice(0, count);
    const alone = await run(bundle, engine, 60, tokens, null);
    const ahead = await run(bundle, engine, 60, tokens, { prefill, expected });
    expect(relativeError(ahead.rows, alone.rows)).toBeLessThan(1e-5);
    expect(ahead.tokens).toEqual(alone.tokens);
    await prefill.dispose();
  });

  test('ends where the past outgrows the largest bucket; the engine runs the rest', async () => {
    const prefill = await opened(bundle, { pastBuckets: [CHUNK] });
    unwrap(await prefill.load(100));
    const alone = await run(bundle, engine, 100, prompt, null);
    const ahead = await run(bundle, engine, 100, prompt, { prefill, expected: 2 * CHUNK });
    expect(relativeError(ahead.logits, alone.logits)).toBeLessThan(1e-4);
    await prefill.dispose();
  });

  test('is none at a level that is not loaded, which is loaded after the request', async () => {
    const prefill = await opened(bundle);
    await run(bundle, engine, 50, prompt, { prefill, expected: 0 });
    expect(prefill.memory).toEqual([]);
    unwrap(await prefill.catchUp());
    expect(prefill.memory.map(({ level }) => level)).toEqual([50]);
    await run(bundle, engine, 50, prompt, { prefill, expected: 44 });
    await prefill.dispose();
  });

  test('follows switches of the level between requests', async () => {
    const prefill = await opened(bundle);
    for (const level of [100, 20] as const) unwrap(await prefill.load(level));
    for (const level of [100, 20, 100] as const) {
      const alone = await run(bundle, engine, level, prompt, null);
      const ahead = await run(bundle, engine, level, prompt, { prefill, expected: 44 });
      expect(relativeError(ahead.rows, alone.rows), `level ${level}`).toBeLessThan(1e-5);
    }
    await prefill.dispose();
  });

  test('ends with a failure where the runtime refuses, and none is run from then on', async () => {
    const prefill = await opened(bundle);
    unwrap(await prefill.load(100));
    const { segments, model } = bundle.manifest;
    const groups = attentionSegments(segments).map((index) => segments[index]?.units ?? 0);
    const shape: KvShape = { groups, headDim: model.headDim };
    const total = groups.reduce((sum, count) => sum + count, 0);
    const small = new KvCache(shape, 2 * CHUNK, new Float32Array(2 * total * 2 * CHUNK * model.headDim));
    const refused = await prefill.prefill(small, 100, prompt);
    expect(refused).toMatchObject({ tokens: 2 * CHUNK, failure: { code: 'static-run' } });
    await run(bundle, engine, 100, prompt, { prefill, expected: 0 });
    await prefill.dispose();
  });

  test('is told with the end of a request, whose text is the engine’s', async () => {
    const prefill = await opened(bundle);
    unwrap(await prefill.load(60));
    const table = { bytes: new Uint8Array(0), offsets: new Uint32Array(bundle.manifest.model.vocabSize + 1) };
    const request = {
      promptTokens: prompt,
      maxTokens: 6,
      level: 60 as const,
      sampling: { temperature: 0, topP: 1, seed: 1 },
      stop: [],
      eosTokenIds: [],
      logprobs: null,
      scorePrompt: false,
    };
    const served = async (
      ahead: StaticPrefill | null,
      change: Partial<GenerationRequest> = {},
    ): Promise<{ tokens: number[]; ahead: GenerationEnd['ahead'] }> => {
      const tokens: number[] = [];
      const end = await generate(
        engine,
        table,
        { ...request, ...change },
        {
          onLevel: () => undefined,
          onPromptScores: () => undefined,
          onToken: ({ token }) => tokens.push(token),
          onStaticFailure: ({ message }) => expect.fail(message),
          cancelled: () => false,
        },
        ahead,
      );
      return { tokens, ahead: end.ahead };
    };
    const alone = await served(null);
    expect(alone.ahead).toBeNull();
    expect(await served(prefill)).toEqual({ tokens: alone.tokens, ahead: { provider: 'cpu', tokens: 44 } });
    // Scores need logits of all positions, a short prompt has no chunk.
    expect((await served(prefill, { scorePrompt: true })).ahead).toBeNull();
    expect((await served(prefill, { promptTokens: [1, 2] })).ahead).toBeNull();
    await prefill.dispose();
  });

  test('is none where cancelled before it begins', async () => {
    const prefill = await opened(bundle);
    unwrap(await prefill.load(100));
    const sequence = engine.open(prompt.length, 1);
    expect(await prefill.prefill(sequence.cache, 100, prompt, () => true)).toEqual({
      tokens: 0,
      failure: null,
    });
    engine.close(sequence);
    await prefill.dispose();
  });

  test('is refused with a remedy for a bundle without static graphs', async () => {
    const { staticPrefill, ...old } = bundle.manifest;
    expect(staticPrefill).toBeDefined();
    expect(await StaticPrefill.open({ ...optionsFor(bundle), manifest: old })).toMatchObject({
      ok: false,
      failure: { code: 'static-graph-missing', remedy: expect.stringContaining('Make the bundle again') },
    });
  });
});

describe.each<[Variant, number]>([
  ['q8', 0.02],
  ['int8', 0.06],
  ['q4', 0.06],
])('static prefill of a bundle as %s', (variant, tolerance) => {
  test(`is within ${tolerance} of the engine, whose activations are quantized too`, async () => {
    const adapter = { sites: ['mlp' as const], rank: 2, bias: true, norms: false };
    const bundle = await makeTinyBundle(variant, { model: tinyFamily('SmolLM2'), adapter });
    const engine = unwrap(await openEngine({ bundleDir: bundle.dir, threads: 1 })).engine;
    const prefill = await opened(bundle);
    for (const level of engine.levels) {
      unwrap(await prefill.load(level));
      const alone = await run(bundle, engine, level, prompt, null);
      const ahead = await run(bundle, engine, level, prompt, { prefill, expected: 44 });
      expect(relativeError(ahead.rows, alone.rows), `rows at ${level}`).toBeLessThan(tolerance);
    }
    await prefill.dispose();
    await engine.dispose();
    bundle.remove();
  });
});
