import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Variant } from '../../core/bundle-manifest.ts';
import { attentionSegments } from '../../core/elastic-graph.ts';
import { unwrap } from '../../core/result.ts';
import { argmax } from '../../device-agent/engine/sampling.ts';
import { openEngine, type ElasticEngine } from '../../device-agent/index.ts';
import { readLayer } from '../../offline/levels/reorder.ts';
import { WEIGHTS } from '../../offline/sources/source-model.ts';
import { referenceLogits } from '../offline/support/reference-llama.ts';
import { tinyFamily, type Family } from '../offline/support/tiny-architectures.ts';
import { maxDifference, openPlainRuntime } from './support/plain-runtime.ts';
import { makeTinyBundle, type TinyBundle } from './support/tiny-bundle.ts';

const prompt = Array.from({ length: 20 }, (_, i) => (i * 37 + 11) % 250);

async function greedy(engine: ElasticEngine, count: number): Promise<number[]> {
  const sequence = engine.open(prompt.length, count);
  const tokens: number[] = [];
  let logits = await engine.prefill(sequence, prompt, { chunk: 8 });
  while (logits !== null && tokens.length < count) {
    tokens.push(argmax(logits));
    logits = await engine.step(sequence, tokens.at(-1) ?? 0);
  }
  engine.close(sequence);
  return tokens;
}

describe.each<[Family, Variant]>([
  ['Llama with a KV head for every query head', 'f32'],
  ['Mistral', 'int8'],
  ['Qwen2', 'f32'],
  ['Qwen2.5 with a head of its own', 'q4'],
  ['Qwen3', 'f32'],
  ['Qwen3', 'int8'],
  ['Llama with eight KV heads', 'f32'],
  ['Mistral with eight KV heads', 'int8'],
  ['Qwen2 with eight KV heads', 'q8'],
  ['Qwen3 with eight KV heads', 'f32'],
])('a random %s, elasticized as %s', (family, variant) => {
  const model = tinyFamily(family);
  let bundle: TinyBundle;
  let engine: ElasticEngine;
  beforeAll(async () => {
    bundle = await makeTinyBundle(variant, { model });
    engine = unwrap(await openEngine({ bundleDir: bundle.dir, threads: 1 })).engine;
  });
  afterAll(async () => {
    await engine.dispose();
    bundle.remove();
  });

  test('is served at every level as one plain run of its graph says', async () => {
    const plain = await openPlainRuntime(bundle.dir, bundle.manifest);
    expect(engine.levels.length).toBeGreaterThan(5);
    const caches = attentionSegments(bundle.manifest.segments).length;
    if (model.config.kvHeads < 8) expect(caches).toBe(model.config.layers);
    else expect(caches).toBeGreaterThan(model.config.layers);
    for (const level of [engine.levels[0] ?? 20, 60, 100] as const) {
      unwrap(engine.setLevel(level));
      const tokens = await greedy(engine, 12);
      // Chunks and single rows quantize their activations apart from the whole: only f32 must agree to the token.
      if (variant === 'f32') expect(tokens, `level ${level}`).toEqual(await plain.greedy(prompt, level, 12));
      else expect(tokens).toHaveLength(12);
    }
    await plain.close();
  });

  test('computes at the full level what the original model computes', async () => {
    const original = {
      config: model.config,
      embedding: model.tensor(WEIGHTS.embedding),
      head: model.tensor(model.config.tiedEmbedding ? WEIGHTS.embedding : WEIGHTS.head),
      finalNorm: model.tensor(WEIGHTS.finalNorm),
      layers: Array.from({ length: model.config.layers }, (_, layer) => readLayer(model, layer)),
    };
    const segments = bundle.manifest.segments;
    const expected = referenceLogits(
      original,
      prompt,
      segments,
      segments.map(() => true),
    ).at(-1);
    unwrap(engine.setLevel(100));
    const sequence = engine.open(prompt.length, 1);
    const logits = (await engine.prefill(sequence, prompt)) ?? new Float32Array();
    engine.close(sequence);
    const tolerance = { f32: 3e-4, q8: 0.3, int8: 1, q4: 3 }[variant];
    expect(maxDifference(logits, Float32Array.from(expected ?? []))).toBeLessThan(tolerance);
  });
});
