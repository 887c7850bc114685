import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gatedSegments } from '../../core/elastic-graph.ts';
import { isLevel, type Level } from '../../core/level.ts';
import { unwrap } from '../../core/result.ts';
import { openEngine, type ElasticEngine } from '../../device-agent/index.ts';
import { argmax } from '../../device-agent/engine/sampling.ts';
import { checkLowering, levelsOf } from '../../device-agent/engine/engine-model.ts';
import { tinySourceModel } from '../../offline/index.ts';
import { maxDifference, openPlainRuntime, type PlainRuntime } from './support/plain-runtime.ts';
import { makeTinyBundle, type TinyBundle } from './support/tiny-bundle.ts';

let bundle: TinyBundle;
let engine: ElasticEngine;
let plain: PlainRuntime;
/** f32 sums in another order (chunks, threads); logits are of size 1. */
const TOLERANCE = 1e-4;
/** Six layers: levels 70 and 60 then differ in MLPs only. */
const model = tinySourceModel({ config: { layers: 6 } });
const prompt = Array.from({ length: 70 }, (_, i) => (i * 37 + 11) % 250);

beforeAll(async () => {
  bundle = await makeTinyBundle('f32', { model });
  engine = unwrap(await openEngine({ bundleDir: bundle.dir, threads: 1 })).engine;
  plain = await openPlainRuntime(bundle.dir, bundle.manifest);
});
afterAll(async () => {
  await engine.dispose();
  await plain.close();
  bundle.remove();
});

async function lastLogits(from: ElasticEngine, level: Level, chunk?: number): Promise<Float32Array> {
  unwrap(from.setLevel(level));
  const sequence = from.open(prompt.length, 1);
  const logits = await from.prefill(sequence, prompt, chunk === undefined ? {} : { chunk });
  from.close(sequence);
  if (logits === null) throw new Error('not cancelled');
  return logits;
}

async function decode(from: ElasticEngine, level: Level, count: number): Promise<number[]> {
  unwrap(from.setLevel(level));
  const sequence = from.open(prompt.length, count);
  let logits = await from.prefill(sequence, prompt);
  const tokens: number[] = [];
  while (logits !== null && tokens.length < count) {
    tokens.push(argmax(logits));
    if (tokens.length < count) logits = await from.step(sequence, tokens.at(-1) ?? 0);
  }
  from.close(sequence);
  return tokens;
}

describe('ElasticEngine', () => {
  test('every level gives the logits of one plain run of the graph at that level', async () => {
    for (const level of engine.levels) {
      const expected = (await plain.logits(prompt, level)).at(-1) ?? new Float32Array();
      expect(maxDifference(await lastLogits(engine, level), expected)).toBeLessThan(TOLERANCE);
    }
  });

  test('levels differ from each other', async () => {
    const [lowest = 20] = engine.levels;
    expect(maxDifference(await lastLogits(engine, lowest), await lastLogits(engine, 100))).toBeGreaterThan(
      0.01,
    );
  });

  test('after switches a level gives exactly what a fresh engine gives', async () => {
    const wandering = [100, 20, 60, 30, 100].filter(isLevel);
    for (const level of wandering) await lastLogits(engine, level);
    for (const level of [20, 60, 100] as const) {
      const fresh = unwrap(await openEngine({ bundleDir: bundle.dir, threads: 1 })).engine;
      expect(maxDifference(await lastLogits(engine, level), await lastLogits(fresh, level))).toBe(0);
      await fresh.dispose();
    }
  });

  test('prefill in chunks equals prefill at once', async () => {
    for (const chunk of [1, 7, 64])
      expect(maxDifference(await lastLogits(engine, 60, chunk), await lastLogits(engine, 60))).toBeLessThan(
        TOLERANCE,
      );
  });

  test('greedy decoding past the first KV capacity equals running the whole sequence again', async () => {
    // 70 + 128 tokens round to a capacity of 256: the cache grows before the end.
    expect(await decode(engine, 60, 190)).toEqual(await plain.greedy(prompt, 60, 190));
  });

  test('returns logits of any range of the prompt', async () => {
    unwrap(engine.setLevel(100));
    const expected = await plain.logits(prompt, 100);
    const rows = new Map<number, Float32Array>();
    const sequence = engine.open(prompt.length, 1);
    const { vocabSize } = engine.model.config;
    await engine.prefill(sequence, prompt, {
      logitsFrom: 5,
      chunk: 16,
      onLogits: (first, logits) => {
        for (let row = 0; row < logits.length / vocabSize; row++)
          rows.set(first + row, logits.subarray(row * vocabSize, (row + 1) * vocabSize));
      },
    });
    engine.close(sequence);
    expect([...rows.keys()]).toEqual(prompt.map((_, i) => i).slice(5));
    for (const [position, row] of rows)
      expect(maxDifference(row, expected[position] ?? new Float32Array())).toBeLessThan(TOLERANCE);
  });

  test('a cancelled prefill returns null and the next one is right', async () => {
    let asked = 0;
    const sequence = engine.open(prompt.length, 1);
    expect(await engine.prefill(sequence, prompt, { chunk: 8, cancelled: () => ++asked > 3 })).toBeNull();
    engine.close(sequence);
    expect(asked).toBe(4);
    expect(await decode(engine, 100, 5)).toEqual(await plain.greedy(prompt, 100, 5));
  });

  test('lowers the level inside a sequence when only MLP segments go, and refuses otherwise', async () => {
    const levels = levelsOf(engine.model);
    for (const from of levels)
      for (const to of levels) {
        unwrap(engine.setLevel(from.level));
        const lowered = engine.lowerLevel(to.level);
        expect(lowered.ok).toBe(checkLowering(from, to).ok);
        expect(engine.level).toBe(lowered.ok ? to.level : from.level);
      }
    const pairs = levels.flatMap((from) => levels.map((to) => ({ from, to })));
    // A layer that differs must be followed by attention: else the cache is that of the lower level too.
    const { segments, config } = engine.model;
    const gated = gatedSegments({
      ...engine.model,
      segments: [...segments],
      ranking: [...engine.model.ranking],
    });
    const pair = pairs.find(
      ({ from, to }) =>
        checkLowering(from, to).ok &&
        from.attentionOn.at(-1) === true &&
        gated.some((s, i) => from.gates[i] !== to.gates[i] && (segments[s]?.layer ?? 0) < config.layers - 1),
    );
    if (pair === undefined) throw new Error('the tiny model has such a pair of levels');
    unwrap(engine.setLevel(pair.from.level));
    const sequence = engine.open(prompt.length, 4);
    await engine.prefill(sequence, prompt);
    unwrap(engine.lowerLevel(pair.to.level));
    const after = await engine.step(sequence, 7);
    engine.close(sequence);
    // A cache filled at the higher level, one step at the lower one: neither level by itself gives this.
    const atHigher = (await plain.logits([...prompt, 7], pair.from.level)).at(-1) ?? new Float32Array();
    const atLower = (await plain.logits([...prompt, 7], pair.to.level)).at(-1) ?? new Float32Array();
    expect(maxDifference(after, atHigher)).toBeGreaterThan(TOLERANCE);
    expect(maxDifference(after, atLower)).toBeGreaterThan(TOLERANCE);
  });
});

describe('openEngine', () => {
  test('falls back to the conditional graph, says why, and gives the same text', async () => {
    const dir = `${bundle.newHome()}/broken`;
    cpSync(bundle.dir, dir, { recursive: true });
    writeFileSync(join(dir, bundle.manifest.graph.zeroRow), 'no graph');
    const opened = unwrap(await openEngine({ bundleDir: dir, threads: 1 }));
    expect(opened.segmentForm).toBe('conditional');
    expect(opened.fallback).toContain(bundle.manifest.graph.zeroRow);
    for (const level of [20, 60, 100] as const)
      expect(await decode(opened.engine, level, 8)).toEqual(await decode(engine, level, 8));
    await opened.engine.dispose();
    expect(await openEngine({ bundleDir: dir, segmentForm: 'zero-row' })).toMatchObject({
      ok: false,
      failure: { code: 'graph-rejected' },
    });
  });

  test('an uncut bundle, whose graph has no gates, gives the same tokens', async () => {
    const single = await makeTinyBundle('f32', { single: true, model });
    const { engine: ungated } = unwrap(await openEngine({ bundleDir: single.dir, threads: 1 }));
    expect(await decode(ungated, 100, 12)).toEqual(await decode(engine, 100, 12));
    await ungated.dispose();
    single.remove();
  });
});
