import { cpSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Level } from '../../core/level.ts';
import { unwrap } from '../../core/result.ts';
import { modelOfManifest } from '../../device-agent/engine/engine-model.ts';
import { ElasticEngine } from '../../device-agent/engine/elastic-engine.ts';
import { loadAdapters } from '../../device-agent/engine/load-adapters.ts';
import { openSession } from '../../device-agent/engine/open-session.ts';
import { verifyBundle } from '../../device-agent/engine/verify-bundle.ts';
import { openEngine } from '../../device-agent/index.ts';
import { maxDifference, openPlainRuntime, type PlainRuntime } from './support/plain-runtime.ts';
import { makeTinyBundle, type TinyBundle } from './support/tiny-bundle.ts';

/** f32 sums in another order (chunks, threads); logits are of size 1. */
const TOLERANCE = 1e-4;
const prompt = Array.from({ length: 40 }, (_, i) => (i * 37 + 11) % 250);
const adapter = { sites: ['o', 'mlp'] as const, rank: 3, bias: true, norms: false };

let plainBundle: TinyBundle;
let bundle: TinyBundle;
let plain: PlainRuntime;
let engine: ElasticEngine;

beforeAll(async () => {
  plainBundle = await makeTinyBundle('int8');
  bundle = await makeTinyBundle('int8', { adapter });
  plain = await openPlainRuntime(bundle.dir, bundle.manifest);
  engine = unwrap(await openEngine({ bundleDir: bundle.dir, threads: 1 })).engine;
});
afterAll(async () => {
  await engine.dispose();
  await plain.close();
  bundle.remove();
  plainBundle.remove();
});

async function lastLogits(from: ElasticEngine, level: Level): Promise<Float32Array> {
  unwrap(from.setLevel(level));
  const sequence = from.open(prompt.length, 1);
  const logits = await from.prefill(sequence, prompt);
  from.close(sequence);
  if (logits === null) throw new Error('not cancelled');
  return logits;
}

async function logitsOfBundle(dir: string, level: Level, segmentForm?: 'conditional'): Promise<Float32Array> {
  const form = segmentForm === undefined ? {} : { segmentForm };
  const { engine: opened } = unwrap(await openEngine({ bundleDir: dir, threads: 1, ...form }));
  const logits = await lastLogits(opened, level);
  await opened.dispose();
  return logits;
}

describe('a bundle with recovery adapters', () => {
  test('runs every level with its own adapter', async () => {
    for (const level of engine.levels) {
      const expected = (await plain.logits(prompt, level)).at(-1) ?? new Float32Array();
      const logits = await lastLogits(engine, level);
      expect(maxDifference(logits, expected), `level ${level}`).toBeLessThan(TOLERANCE);
    }
  });

  test('gives the very logits of the bundle without adapters at the full level, and others below', async () => {
    expect(maxDifference(await lastLogits(engine, 100), await logitsOfBundle(plainBundle.dir, 100))).toBe(0);
    expect(
      maxDifference(await lastLogits(engine, 60), await logitsOfBundle(plainBundle.dir, 60)),
    ).toBeGreaterThan(0.01);
  });

  test('gives the same with the conditional graph', async () => {
    for (const level of [20, 60, 100] as const)
      expect(
        maxDifference(
          await lastLogits(engine, level),
          await logitsOfBundle(bundle.dir, level, 'conditional'),
        ),
      ).toBe(0);
  });

  test('decodes as the whole sequence run again', async () => {
    unwrap(engine.setLevel(50));
    const sequence = engine.open(prompt.length, 8);
    let logits = await engine.prefill(sequence, prompt);
    const tokens: number[] = [];
    while (logits !== null && tokens.length < 8) {
      tokens.push(logits.indexOf(Math.max(...logits)));
      logits = await engine.step(sequence, tokens.at(-1) ?? 0);
    }
    engine.close(sequence);
    expect(tokens).toEqual(await plain.greedy(prompt, 50, 8));
  });

  test('hands over the same tensors at every run of a level, and copies none on a switch', async () => {
    const session = unwrap(await openSession(join(bundle.dir, bundle.manifest.graph.zeroRow), 1));
    const adapters = unwrap(await loadAdapters(bundle.dir, bundle.manifest));
    const seen: Record<string, Tensor>[] = [];
    const watched = {
      inputNames: session.inputNames,
      run: (feeds: Record<string, Tensor>) => {
        seen.push(feeds);
        return session.run(feeds);
      },
    } as unknown as InferenceSession;
    const watchedEngine = new ElasticEngine(watched, modelOfManifest(bundle.manifest), adapters);
    for (const level of [60, 100, 60] as const) await lastLogits(watchedEngine, level);
    const names = session.inputNames.filter((name) => name.startsWith('adapter.'));
    expect(names.length).toBe(bundle.manifest.model.layers * 5);
    const [first, full, again] = seen;
    for (const name of names) {
      expect(again?.[name]).toBe(first?.[name]);
      expect(full?.[name]).not.toBe(first?.[name]);
      expect((first?.[name]?.data as Float32Array).buffer).toBe(adapters?.parameters.get(60)?.buffer);
    }
    await session.release();
  });
});

describe('a bundle whose levels have norms and biases of their own', () => {
  const own = { sites: [], rank: 0, bias: true, norms: true };
  let withNorms: TinyBundle;
  beforeAll(async () => {
    withNorms = await makeTinyBundle('int8', { adapter: own });
  });
  afterAll(() => withNorms.remove());

  test('runs every level with them, the full one too, and switches back and forth', async () => {
    const runtime = await openPlainRuntime(withNorms.dir, withNorms.manifest);
    const { engine: opened } = unwrap(await openEngine({ bundleDir: withNorms.dir, threads: 1 }));
    for (const level of [...opened.levels, ...[...opened.levels].reverse()]) {
      const expected = (await runtime.logits(prompt, level)).at(-1) ?? new Float32Array();
      expect(maxDifference(await lastLogits(opened, level), expected), `level ${level}`).toBeLessThan(
        TOLERANCE,
      );
    }
    expect(
      maxDifference(await lastLogits(opened, 100), await logitsOfBundle(plainBundle.dir, 100)),
    ).toBeGreaterThan(0.001);
    await opened.dispose();
    await runtime.close();
  });

  test('gives the same with the conditional graph', async () => {
    for (const level of [20, 100] as const)
      expect(
        maxDifference(
          await logitsOfBundle(withNorms.dir, level),
          await logitsOfBundle(withNorms.dir, level, 'conditional'),
        ),
      ).toBe(0);
  });

  test('is of schema version 2, so that an older agent refuses it by name', () => {
    expect(withNorms.manifest.schemaVersion).toBe(2);
    expect(bundle.manifest.schemaVersion).toBe(1);
  });
});

describe('damaged adapters', () => {
  const copy = (): string => {
    const dir = `${bundle.newHome()}/bundle`;
    cpSync(bundle.dir, dir, { recursive: true });
    return dir;
  };

  test('are found by the check of hashes', async () => {
    const dir = copy();
    const path = join(dir, 'adapters.bin');
    const bytes = readFileSync(path);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    expect(await verifyBundle(dir, bundle.manifest, null)).toMatchObject({
      ok: false,
      failure: { code: 'bundle-corrupt', message: expect.stringContaining('adapters.bin') as string },
    });
  });

  test('that end too early are refused by one line', async () => {
    const dir = copy();
    truncateSync(join(dir, 'adapters.bin'), 1000);
    const opened = await openEngine({ bundleDir: dir, threads: 1 });
    expect(opened).toMatchObject({ ok: false, failure: { code: 'bundle-corrupt' } });
    expect(opened.ok ? '' : opened.failure.message).toMatch(
      /adapters\.bin cannot be read: it ends too early/,
    );
  });
});
