import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Variant } from '../../core/bundle-manifest.ts';
import { unwrap } from '../../core/result.ts';
import { openEngine, type ElasticEngine } from '../../device-agent/index.ts';
import { tinyFamily, type Family } from '../offline/support/tiny-architectures.ts';
import { openStatic, prefillAndDecode, prompt, relativeError } from './support/static-runs.ts';
import { makeTinyBundle, type TinyBundle } from './support/tiny-bundle.ts';

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
    const prefill = await openStatic(bundle);
    for (const level of engine.levels) {
      unwrap(await prefill.load(level));
      const alone = await prefillAndDecode(bundle, engine, level, prompt, null);
      // Five chunks, and four tokens of the sixth: just enough to run it.
      const ahead = await prefillAndDecode(bundle, engine, level, prompt, { prefill, expected: 44 });
      expect(relativeError(ahead.rows, alone.rows), `rows at ${level}`).toBeLessThan(1e-5);
      expect(relativeError(ahead.logits, alone.logits), `logits at ${level}`).toBeLessThan(1e-4);
      expect(ahead.tokens, `level ${level}`).toEqual(alone.tokens);
    }
    await prefill.dispose();
  });

  test('with a fixed number of past rows gives the same', async () => {
    const prefill = await openStatic(bundle, { pastBuckets: [16, 40] });
    for (const level of [engine.levels[0] ?? 20, 100] as const) {
      unwrap(await prefill.load(level));
      const alone = await prefillAndDecode(bundle, engine, level, prompt, null);
      const ahead = await prefillAndDecode(bundle, engine, level, prompt, { prefill, expected: 44 });
      expect(relativeError(ahead.rows, alone.rows), `rows at ${level}`).toBeLessThan(1e-5);
      expect(ahead.tokens, `level ${level}`).toEqual(alone.tokens);
    }
    await prefill.dispose();
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
    const prefill = await openStatic(bundle);
    for (const level of engine.levels) {
      unwrap(await prefill.load(level));
      const alone = await prefillAndDecode(bundle, engine, level, prompt, null);
      const ahead = await prefillAndDecode(bundle, engine, level, prompt, { prefill, expected: 44 });
      expect(relativeError(ahead.rows, alone.rows), `rows at ${level}`).toBeLessThan(tolerance);
    }
    await prefill.dispose();
    await engine.dispose();
    bundle.remove();
  });
});
