import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Level } from '../../core/level.ts';
import { seededRandom } from '../../core/random.ts';
import type { LogitsSource } from '../../offline/evaluation/logits-source.ts';
import { undisturbed } from '../../offline/evaluation/measure-latency.ts';
import type { StrategyRequest } from '../../offline/tlm/requests/strategy-request.ts';
import {
  choiceValues,
  LABEL_GRID,
  labelOutcomes,
  OutcomeRunner,
  OutcomeStore,
} from '../../offline/tlm/strategies/index.ts';
import { temporaryFolder } from './support/test-files.ts';

const VOCAB = 12;

/** A model whose logits depend on every token before; counts what it runs. */
function countingSource(level: number): LogitsSource & { readonly runs: number[][] } {
  const runs: number[][] = [];
  const rows = (ids: readonly number[], from: number): Float32Array => {
    const out = new Float32Array((ids.length - from) * VOCAB);
    for (let i = from; i < ids.length; i++) {
      const seed = ids.slice(0, i + 1).reduce((hash, id) => Math.imul(hash, 31) + id, level);
      const random = seededRandom(seed);
      for (let v = 0; v < VOCAB; v++) out[(i - from) * VOCAB + v] = 4 * random();
    }
    return out;
  };
  return {
    vocabSize: VOCAB,
    runs,
    logits: (ids, from = 0) => {
      runs.push([...ids]);
      return Promise.resolve(rows(ids, from));
    },
    openPrefix: (ids) => {
      runs.push([...ids]);
      return Promise.resolve({
        last: rows(ids, ids.length - 1),
        continueWith: (continuation) => {
          runs.push([...continuation]);
          return Promise.resolve(rows([...ids, ...continuation], ids.length));
        },
      });
    },
  };
}

const levels = (): { level: Level; source: ReturnType<typeof countingSource> }[] =>
  ([20, 40, 60, 80, 100] as const).map((level) => ({ level, source: countingSource(level) }));

function request(id: number): StrategyRequest {
  const tokens = Array.from({ length: 20 }, (_, i) => (i * 7 + id) % VOCAB);
  return {
    id: `r${id}`,
    kind: 'multiple-choice',
    set: 'test',
    prompt: { tokens, words: Int32Array.from(tokens, (_, i) => (i < 16 ? Math.floor(i / 2) : -1)) },
    pieces: tokens.map(String),
    choices: [[1, 2, 3], [1, 2], [4], [1, 2, 5]].map((choice) => ({ tokens: choice, bytes: 1 })),
    gold: id % 4,
  };
}

describe('values of choices', () => {
  it('are those of whole sequences, with shared beginnings run once', async () => {
    const source = countingSource(20);
    const prompt = [3, 1, 4];
    const choices = request(0).choices.map(({ tokens }) => tokens);
    const values = await choiceValues(source, prompt, choices);
    expect(source.runs).toEqual([prompt, [1, 2]]);
    const whole: LogitsSource = { vocabSize: VOCAB, logits: countingSource(20).logits };
    for (const [i, choice] of choices.entries())
      expect(values[i]).toBeCloseTo((await choiceValues(whole, prompt, [choice]))[0] ?? Number.NaN, 5);
  });
});

describe('outcomes', () => {
  const scores = (): Promise<number[]> => Promise.resolve([1, 8, 2, 7, 3, 6, 4, 5]);

  it('of prompt levels that keep the same tokens are run once, also by a later run', async () => {
    const folder = temporaryFolder();
    const sources = levels();
    const strategies = [0.2, 0.1, 0.15].map((promptLevel) => ({ promptLevel, modelLevel: 20 as const }));
    const run = (): Promise<unknown> =>
      new OutcomeRunner(sources, OutcomeStore.open(folder, 'id')).outcomes(
        request(1),
        [1, 2, 3, 4, 5, 6, 7, 8],
        strategies,
      );
    const first = await run();
    const { length } = sources[0]?.source.runs ?? [];
    expect(length).toBe(2);
    expect(await run()).toEqual(first);
    expect(sources[0]?.source.runs).toHaveLength(length);
    await new OutcomeRunner(sources, OutcomeStore.open(folder, 'other')).outcomes(
      request(1),
      [],
      strategies.slice(0, 1),
    );
    expect(sources[0]?.source.runs.length).toBeGreaterThan(length);
  });

  it('killed in between, also in the middle of a line, end as if never killed', async () => {
    const requests = [request(1), request(2), request(3)];
    const label = (
      folder: string,
      sources: ReturnType<typeof levels>,
      signal?: AbortSignal,
    ): ReturnType<typeof labelOutcomes> =>
      labelOutcomes(
        requests,
        scores,
        new OutcomeRunner(sources, OutcomeStore.open(folder, 'id')),
        ({ fraction }) => {
          if (fraction > 0.3 && signal !== undefined) abort.abort();
        },
        signal,
      );
    const abort = new AbortController();
    const whole = await label(temporaryFolder(), levels());
    const folder = temporaryFolder();
    await expect(label(folder, levels(), abort.signal)).rejects.toThrow();
    const [file = ''] = readdirSync(folder);
    appendFileSync(join(folder, file), '{"key":"cut o');
    const sources = levels();
    const resumed = await label(folder, sources);
    expect(resumed).toEqual(whole);
    const runs = sources.reduce((sum, { source }) => sum + source.runs.length, 0);
    const fresh = LABEL_GRID.promptLevels.length * LABEL_GRID.levels.length * requests.length * 2;
    expect(runs).toBeLessThan(fresh * 0.8);
    expect(readFileSync(join(folder, file), 'utf8')).not.toContain('cut o');
  });
});

describe('latency of a shared computer', () => {
  it('is that of the faster half of the runs', () => {
    expect(undisturbed([9, 1, 50, 2, 3])).toEqual([1, 2, 3]);
  });
});
