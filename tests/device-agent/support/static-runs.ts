import { expect } from 'vitest';
import { attentionSegments, segmentsOnAt } from '../../../core/elastic-graph.ts';
import type { Level } from '../../../core/level.ts';
import { unwrap } from '../../../core/result.ts';
import { argmax } from '../../../device-agent/engine/sampling.ts';
import {
  StaticPrefill,
  type StaticPrefillOptions,
} from '../../../device-agent/engine/static/static-prefill.ts';
import type { ElasticEngine, Sequence } from '../../../device-agent/index.ts';
import type { TinyBundle } from './tiny-bundle.ts';

/** Tokens that a static graph of the tests reads at a time. */
export const CHUNK = 8;
export const prompt = Array.from({ length: 45 }, (_, i) => (i * 37 + 11) % 250);

export function optionsFor(
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
export function relativeError(values: ArrayLike<number>, expected: ArrayLike<number>): number {
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
export async function prefillAndDecode(
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

export async function openStatic(
  bundle: TinyBundle,
  more?: Partial<StaticPrefillOptions>,
): Promise<StaticPrefill> {
  return unwrap(await StaticPrefill.open(optionsFor(bundle, more)));
}
