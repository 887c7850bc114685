import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attentionSegments } from '../../core/elastic-graph.ts';
import { unwrap } from '../../core/result.ts';
import { generate, type GenerationEnd, type GenerationRequest } from '../../device-agent/engine/generate.ts';
import { KvCache, type KvShape } from '../../device-agent/engine/kv-cache.ts';
import { StaticPrefill } from '../../device-agent/engine/static/static-prefill.ts';
import { openEngine, type ElasticEngine } from '../../device-agent/index.ts';
import { tinyFamily } from '../offline/support/tiny-architectures.ts';
import {
  CHUNK,
  openStatic,
  optionsFor,
  prefillAndDecode,
  prompt,
  relativeError,
} from './support/static-runs.ts';
import { makeTinyBundle, type TinyBundle } from './support/tiny-bundle.ts';

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
    const prefill = await openStatic(bundle);
    unwrap(await prefill.load(60));
    const tokens = prompt.slice(0, count);
    const alone = await prefillAndDecode(bundle, engine, 60, tokens, null);
    const ahead = await prefillAndDecode(bundle, engine, 60, tokens, { prefill, expected });
    expect(relativeError(ahead.rows, alone.rows)).toBeLessThan(1e-5);
    expect(ahead.tokens).toEqual(alone.tokens);
    await prefill.dispose();
  });

  test('ends where the past outgrows the largest bucket; the engine runs the rest', async () => {
    const prefill = await openStatic(bundle, { pastBuckets: [CHUNK] });
    unwrap(await prefill.load(100));
    const alone = await prefillAndDecode(bundle, engine, 100, prompt, null);
    const ahead = await prefillAndDecode(bundle, engine, 100, prompt, { prefill, expected: 2 * CHUNK });
    expect(relativeError(ahead.logits, alone.logits)).toBeLessThan(1e-4);
    await prefill.dispose();
  });

  test('is none at a level that is not loaded, which is loaded after the request', async () => {
    const prefill = await openStatic(bundle);
    await prefillAndDecode(bundle, engine, 50, prompt, { prefill, expected: 0 });
    expect(prefill.memory).toEqual([]);
    unwrap(await prefill.catchUp());
    expect(prefill.memory.map(({ level }) => level)).toEqual([50]);
    await prefillAndDecode(bundle, engine, 50, prompt, { prefill, expected: 44 });
    await prefill.dispose();
  });

  test('follows switches of the level between requests', async () => {
    const prefill = await openStatic(bundle);
    for (const level of [100, 20] as const) unwrap(await prefill.load(level));
    for (const level of [100, 20, 100] as const) {
      const alone = await prefillAndDecode(bundle, engine, level, prompt, null);
      const ahead = await prefillAndDecode(bundle, engine, level, prompt, { prefill, expected: 44 });
      expect(relativeError(ahead.rows, alone.rows), `level ${level}`).toBeLessThan(1e-5);
    }
    await prefill.dispose();
  });

  test('ends with a failure where the runtime refuses, and none is run from then on', async () => {
    const prefill = await openStatic(bundle);
    unwrap(await prefill.load(100));
    const { segments, model } = bundle.manifest;
    const groups = attentionSegments(segments).map((index) => segments[index]?.units ?? 0);
    const shape: KvShape = { groups, headDim: model.headDim };
    const total = groups.reduce((sum, count) => sum + count, 0);
    const small = new KvCache(shape, 2 * CHUNK, new Float32Array(2 * total * 2 * CHUNK * model.headDim));
    const refused = await prefill.prefill(small, 100, prompt);
    expect(refused).toMatchObject({ tokens: 2 * CHUNK, failure: { code: 'static-run' } });
    await prefillAndDecode(bundle, engine, 100, prompt, { prefill, expected: 0 });
    await prefill.dispose();
  });

  test('is told with the end of a request, whose text is the engine’s', async () => {
    const prefill = await openStatic(bundle);
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
    const prefill = await openStatic(bundle);
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
