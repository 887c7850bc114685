import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { promptFeeds } from '../../offline/graph/model-feeds.ts';
import { LevelSource, RUN_TOKENS } from '../../offline/evaluation/level-source.ts';
import { referenceRows, scoreRows, tokenLogProbability } from '../../offline/evaluation/logit-rows.ts';
import type { LogitsSource } from '../../offline/evaluation/logits-source.ts';
import { scoreTexts } from '../../offline/evaluation/text-score.ts';
import { cutWindows, textWindows } from '../../offline/evaluation/text-windows.ts';
import { spreadIndices } from '../../offline/evaluation/spread.ts';
import { modelText } from '../../offline/evaluation/model-text.ts';
import { Tokenizer } from '@huggingface/tokenizers';
import { tinySourceModel } from '../../offline/sources/tiny-model.ts';
import { GraphLab, largestDifference, someTokens } from './support/graph-lab.ts';
import { referenceLogits } from './support/reference-llama.ts';

/** Log-probabilities of one row in doubles, by the definition. */
function logSoftmax(row: readonly number[]): number[] {
  const largest = Math.max(...row);
  const mass = row.reduce((sum, x) => sum + Math.exp(x - largest), 0);
  return row.map((x) => x - largest - Math.log(mass));
}

function divergence(full: readonly number[], other: readonly number[]): number {
  const [p, q] = [logSoftmax(full), logSoftmax(other)];
  return p.reduce((sum, logP, i) => sum + Math.exp(logP) * (logP - (q[i] as number)), 0);
}

const WIDTH = 7;
const row = fc.array(fc.float({ min: -50, max: 50, noNaN: true }), { minLength: WIDTH, maxLength: WIDTH });

describe('rows of logits', () => {
  it('score as log-softmax and KL say, whatever the logits', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(row, row, fc.nat(WIDTH - 1)), { minLength: 1, maxLength: 5 }), (rows) => {
        const other = Float32Array.from(rows.flatMap(([, b]) => b));
        const targets = rows.map(([, , target]) => target);
        const reference = referenceRows(Float32Array.from(rows.flatMap(([a]) => a)), WIDTH);
        const scored = scoreRows(other, WIDTH, targets, reference);
        const loss = rows.reduce((sum, [, b, target]) => sum - (logSoftmax(b)[target] as number), 0);
        const kl = rows.reduce((sum, [a, b]) => sum + divergence(a, b), 0);
        expect(Math.abs(scored.loss - loss)).toBeLessThan(1e-9 * (1 + loss));
        // Probabilities are kept in float32.
        expect(Math.abs(scored.divergence - kl)).toBeLessThan(2e-6 * (1 + Math.abs(kl)));
        for (const [i, [, b, target]] of rows.entries())
          expect(tokenLogProbability(other, WIDTH, i, target)).toBeCloseTo(
            logSoftmax(b)[target] as number,
            9,
          );
      }),
    );
  });

  it('survive logits as large as float32 holds', () => {
    const logits = Float32Array.of(3e38, -3e38, 0);
    expect(scoreRows(logits, 3, [0], null)).toEqual({ loss: 0, divergence: 0 });
  });
});

describe('levels scored on text', () => {
  const model = tinySourceModel({ seed: 31 });
  const lab = new GraphLab(model);
  const layout = { config: model.config, ...lab.plan };
  const sources = async (firstTokenAlone = false): Promise<LevelSource[]> => {
    const session = await lab.session('f32', 'zero-row');
    return lab.plan.levels.map(
      ({ prefix }) => new LevelSource(session, { ...layout, firstTokenAlone }, prefix, []),
    );
  };
  const windows = [
    { ids: someTokens(12, model.config.vocabSize, 1), scoreFrom: 1 },
    { ids: someTokens(9, model.config.vocabSize, 2), scoreFrom: 4 },
  ];
  afterAll(() => lab.close());

  it('have the perplexity and the divergence that a plain decoder computes', async () => {
    const levels = await sources();
    const full = levels.at(-1) as LevelSource;
    const scores = await scoreTexts(levels, full, windows);
    const everything = lab.on(lab.plan.ranking.length);
    for (const [i, { level, prefix }] of lab.plan.levels.entries()) {
      let [loss, kl, tokens] = [0, 0, 0];
      for (const { ids, scoreFrom } of windows) {
        const own = referenceLogits(lab.reference, ids, lab.plan.segments, lab.on(prefix));
        const whole = referenceLogits(lab.reference, ids, lab.plan.segments, everything);
        for (let at = scoreFrom; at < ids.length; at++) {
          loss -= logSoftmax(own[at - 1] as number[])[ids[at] as number] as number;
          kl += divergence(whole[at - 1] as number[], own[at - 1] as number[]);
          tokens += 1;
        }
      }
      expect(tokens).toBe(11 + 5);
      expect(scores[i]?.tokens, `level ${level}`).toBe(tokens);
      expect(scores[i]?.perplexity, `level ${level}`).toBeCloseTo(Math.exp(loss / tokens), 1);
      expect(Math.log(scores[i]?.perplexity ?? 0)).toBeCloseTo(loss / tokens, 4);
      expect(scores[i]?.kl, `level ${level}`).toBeCloseTo(kl / tokens, 4);
    }
    expect(scores.at(-1)?.kl).toBe(0);
    expect(scores[0]?.kl).toBeGreaterThan(0.01);
  });

  it('diverge alike from a reference that is none of them', async () => {
    const levels = await sources();
    const full = levels.at(-1) as LevelSource;
    const all = await scoreTexts(levels, full, windows);
    const some = await scoreTexts(levels.slice(0, 2), full, windows);
    expect(some).toEqual(all.slice(0, 2));
  });

  it('give for text longer than a run what one run over all of it gives, with the first token alone or not', async () => {
    const ids = Array.from({ length: RUN_TOKENS + 20 }, (_, i) => (i * 37) % model.config.vocabSize);
    const session = await lab.session('f32', 'zero-row');
    const level = lab.plan.levels[2];
    const on = lab.on(level?.prefix ?? 0);
    const gates = lab.plan.ranking
      .slice(lab.plan.alwaysOn)
      .sort((a, b) => a - b)
      .map((segment) => (on[segment] === true ? 1 : 0));
    const { logits } = await session.run(promptFeeds(model.config, lab.plan.segments, ids, 0, gates));
    const whole = logits?.data as Float32Array;
    for (const alone of [false, true]) {
      const source = (await sources(alone))[2] as LevelSource;
      expect(largestDifference(await source.logits(ids), whole)).toBeLessThan(2e-4);
      const from = RUN_TOKENS - 3;
      const tail = whole.subarray(from * model.config.vocabSize);
      expect(largestDifference(await source.logits(ids, from), tail)).toBeLessThan(2e-4);
    }
  });

  it('stop between two runs when cancelled', async () => {
    const abort = new AbortController();
    let runs = 0;
    const counting: LogitsSource = {
      vocabSize: 4,
      logits: (ids, from = 0) => {
        runs += 1;
        abort.abort();
        return Promise.resolve(new Float32Array((ids.length - from) * 4));
      },
    };
    const scoring = scoreTexts([counting, { ...counting }], counting, windows, () => undefined, abort.signal);
    await expect(scoring).rejects.toThrow();
    expect(runs).toBe(1);
  });
});

describe('windows', () => {
  it('are disjoint, in order, evenly spread from the first token to the last', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 4, max: 500 }),
        fc.integer({ min: 2, max: 40 }),
        fc.nat(12),
        (length, windowTokens, windows) => {
          const ids = Array.from({ length }, (_, i) => i);
          const cut = cutWindows(ids, { windowTokens, windows });
          const whole = Math.floor(length / windowTokens);
          expect(cut).toHaveLength(whole === 0 ? 1 : windows === 0 ? whole : Math.min(whole, windows));
          expect(cut.every((window) => window.ids.length === Math.min(windowTokens, length))).toBe(true);
          const seen = cut.flatMap((window) => window.ids);
          expect(seen).toEqual([...seen].sort((a, b) => a - b));
          expect(new Set(seen).size).toBe(seen.length);
          expect(seen[0]).toBe(0);
          if (cut.length > 1) expect(seen.at(-1)).toBe(length - 1);
        },
      ),
    );
  });

  it('begin with BOS where the model wants one, and then predict their first token too', () => {
    expect(cutWindows([5, 6, 7, 8], { windowTokens: 2, windows: 0 }, [1])).toEqual([
      { ids: [1, 5, 6], scoreFrom: 1 },
      { ids: [1, 7, 8], scoreFrom: 1 },
    ]);
  });

  it.each([
    [10, 3, [0, 3, 6]],
    [3, 10, [0, 1, 2]],
    [4, 4, [0, 1, 2, 3]],
    [0, 5, []],
  ])('spread indices: %i items, %i wanted', (total, count, expected) => {
    expect(spreadIndices(total, count)).toEqual(expected);
  });

  it('of talks predict the answer only, after the prompt as the template renders it', () => {
    const { config, tokenizer } = tinySourceModel();
    const text = modelText(new Tokenizer(JSON.parse(tokenizer.json), {}), {
      model: config,
      tokenizer: { ...tokenizer, file: 'tokenizer.json', eosTokenIds: [...tokenizer.eosTokenIds] },
    });
    const [window] = textWindows(
      [
        { prompt: 'How many?', text: 'Three.' },
        { prompt: 'x'.repeat(2000), text: 'longer than a window' },
      ],
      text,
      { windowTokens: 400, windows: 0 },
    );
    const answer = window?.ids.slice(window.scoreFrom) ?? [];
    expect(answer).toEqual(text.encode('Three.'));
    expect(window?.ids.slice(0, window.scoreFrom)).toEqual(text.encodePrompt('How many?'));
    const rest = textWindows(
      [
        { prompt: 'x'.repeat(2000), text: 'y' },
        { prompt: null, text: 'a b' },
      ],
      text,
      {
        windowTokens: 400,
        windows: 1,
      },
    );
    expect(rest).toEqual([{ ids: text.encode('a b'), scoreFrom: 1 }]);
  });
});
