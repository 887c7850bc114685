import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compressPrompt, wordsOf, type CompressiblePrompt } from '../../core/compress-prompt.ts';
import { keptTokens } from '../../core/prompt-level.ts';
import { normalSample, seededRandom } from '../../core/random.ts';
import { unwrap } from '../../core/result.ts';
import { measureCompression, type WordSelector } from '../../offline/evaluation/compression-loss.ts';
import type { LogitsSource } from '../../offline/evaluation/logits-source.ts';
import { EmbeddingRows } from '../../offline/tlm/embedding-rows.ts';
import { fitWorth, trialRows } from '../../offline/tlm/labels/fit-worth.ts';
import { keepTargets } from '../../offline/tlm/labels/keep-targets.ts';
import { drawTrials, runTrials } from '../../offline/tlm/labels/left-out-runs.ts';
import { FEATURES, tokenFeatures } from '../../offline/tlm/labels/token-features.ts';
import type { AnsweredPrompt } from '../../offline/tlm/requests/answered-prompt.ts';
import type { StrategyRequest } from '../../offline/tlm/requests/strategy-request.ts';
import { firstWords, randomWords, selfInformation, wordsByScore } from '../../offline/tlm/selectors.ts';
import { TINY_TLM_CONFIG } from '../../offline/tlm/tiny-tlm.ts';
import { trainScoreHead } from '../../offline/tlm/train-score-head.ts';

const VOCABULARY = 64;
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bungee-labels-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** One token per word or line feed; equal words are equal tokens. */
function promptOf(header: string, question: string): AnsweredPrompt {
  const cut = (text: string): string[] => text.match(/\n+| ?[^\s]+/g) ?? [];
  const [before, after] = [cut(header), cut(question)];
  const pieces = [...before, ...after];
  const tokens = pieces.map((piece) =>
    [...piece.trim()].reduce((sum, c) => (sum * 7 + (c.codePointAt(0) ?? 0)) % VOCABULARY, 1),
  );
  const words = wordsOf(
    pieces,
    pieces.map((_, i) => i < before.length),
  );
  return { id: question, prompt: { tokens, words }, pieces, answer: [5, 6] };
}

const EXAMPLES = [
  'Question: what do whales breathe\nAnswer: air',
  'Question: which metal is liquid\nAnswer: mercury',
  'Question: where do camels live in the wild\nAnswer: desert',
];
const PROMPT = promptOf(
  `You answer questions.\n\n${EXAMPLES.join('\n\n')}`,
  '\n\nQuestion: where do camels drink\nAnswer:',
);
const prompts = Array.from({ length: 6 }, (_, i) =>
  promptOf(
    `You answer questions.\n\n${EXAMPLES.slice(i % 3).join('\n\n')}\n\nQuestion: number ${i}\nAnswer: some`,
    `\n\nQuestion: tell ${i}\nAnswer:`,
  ),
);

/** Token t is likely after t - 1: losses depend on what was kept before. */
function fakeSource(onRun: () => void = () => undefined): LogitsSource {
  return {
    vocabSize: VOCABULARY,
    logits: (ids, from = 0) => {
      onRun();
      const rows = new Float32Array((ids.length - from) * VOCABULARY);
      for (let i = from; i < ids.length; i++) {
        const sum = ids.slice(0, i + 1).reduce((a, b) => a + b, 0);
        rows[(i - from) * VOCABULARY + (sum % VOCABULARY)] = 3;
      }
      return Promise.resolve(rows);
    },
  };
}

const arbitraryPrompt: fc.Arbitrary<CompressiblePrompt> = fc
  .array(fc.tuple(fc.boolean(), fc.nat(3)), { minLength: 1, maxLength: 60 })
  .map((entries) => {
    const pieces = entries.map(([, kind]) => [' ab', 'cd', '\n', '7'][kind] ?? '');
    return {
      tokens: entries.map(([, kind]) => kind),
      words: wordsOf(
        pieces,
        entries.map(([may]) => may),
      ),
    };
  });

describe('selectors', () => {
  it('stay within the budget, keep what is fixed, and keep words whole', () => {
    fc.assert(
      fc.property(
        arbitraryPrompt,
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        fc.nat(),
        (prompt, p, seed) => {
          const compressible = prompt.words.filter((word) => word >= 0).length;
          for (const scores of [
            firstWords(prompt),
            randomWords(prompt, seededRandom(seed)),
            wordsByScore(prompt, Float32Array.from(prompt.tokens)),
          ]) {
            const kept = new Set(compressPrompt(prompt, scores, p));
            expect(kept.size).toBeLessThanOrEqual(keptTokens(prompt.tokens.length, compressible, p));
            for (const [i, word] of prompt.words.entries()) {
              if (word < 0) expect(kept).toContain(i);
              else expect(kept.has(i)).toBe(kept.has(prompt.words.indexOf(word)));
            }
          }
        },
      ),
    );
  });

  it('first words are a beginning', () => {
    const kept = compressPrompt(PROMPT.prompt, firstWords(PROMPT.prompt), 0.6);
    const compressible = kept.filter((i) => (PROMPT.prompt.words[i] ?? -1) >= 0);
    expect(compressible).toEqual([...compressible.keys()]);
  });

  it('self-information is what the model did not expect', async () => {
    const information = await selfInformation(fakeSource(), [4, 4, 9]);
    const rest = Math.log(Math.exp(3) + VOCABULARY - 1);
    expect(information[0]).toBe(0);
    expect(information[1]).toBeCloseTo(rest - 3, 5);
    expect(information[2]).toBeCloseTo(rest, 5);
  });
});

describe('features of tokens', () => {
  const { indices, values } = tokenFeatures(PROMPT);
  const of = (feature: (typeof FEATURES)[number], piece: string): number =>
    values[indices.indexOf(PROMPT.pieces.indexOf(piece))]?.[FEATURES.indexOf(feature)] ?? NaN;

  it('are there for what may be dropped, and for nothing else', () => {
    expect(indices).toEqual(
      [...PROMPT.prompt.words.keys()].filter((i) => (PROMPT.prompt.words[i] ?? -1) >= 0),
    );
    expect(values.every((row) => row.length === FEATURES.length)).toBe(true);
  });

  it('tell the instruction, the answers, the last example, and what the question is about', () => {
    expect(of('in the first paragraph', ' answer')).toBe(1);
    expect(of('in the first paragraph', ' whales')).toBe(0);
    expect(of('in the last line of a paragraph of several', ' mercury')).toBe(1);
    expect(of('in the last line of a paragraph of several', ' metal')).toBe(0);
    expect(of('in the last paragraph', ' desert')).toBe(1);
    expect(of('in the last paragraph', ' air')).toBe(0);
    expect(of('the question has it too', ' camels')).toBe(1);
    expect(of('share of its paragraph that the question has too', ' desert')).toBeGreaterThan(
      of('share of its paragraph that the question has too', ' mercury'),
    );
    expect(of('nearness to the question', ' desert')).toBeGreaterThan(of('nearness to the question', ' air'));
  });
});

describe('trials', () => {
  it('never drop the question, differ from each other, and are the same for the same prompt', () => {
    for (const entry of prompts) {
      const trials = drawTrials(entry);
      for (const kept of trials)
        for (const [i, word] of entry.prompt.words.entries()) if (word < 0) expect(kept).toContain(i);
      expect(new Set(trials.map((kept) => kept.join())).size).toBeGreaterThan(1);
      expect(drawTrials(entry)).toEqual(trials);
    }
  });

  it('that were run are not run again', async () => {
    let runs = 0;
    const source = fakeSource(() => runs++);
    const options = { source, identity: 'model', folder };
    const first = await runTrials(prompts, options, () => undefined);
    const once = runs;
    expect(await runTrials(prompts, options, () => undefined)).toEqual(first);
    expect(runs).toBe(once);
    await runTrials(prompts, { ...options, identity: 'another' }, () => undefined);
    expect(runs).toBe(2 * once);
  });
});

describe('worth', () => {
  it('is found again in trials whose gain is made of it', () => {
    const random = seededRandom(3);
    const truth = FEATURES.map(() => normalSample(random));
    const rows = Array.from({ length: 400 }, () => {
      const features = FEATURES.map(() => normalSample(random));
      return { features, gain: features.reduce((sum, x, f) => sum + x * (truth[f] ?? 0), 0) };
    });
    for (const [f, weight] of fitWorth(rows, 1e-6).entries()) expect(weight).toBeCloseTo(truth[f] ?? NaN, 2);
  });

  it('only compares trials of one prompt', () => {
    const trials = drawTrials(PROMPT).map((kept, i) => ({ kept, loss: i }));
    const rows = trialRows(PROMPT, trials);
    const shifted = trialRows(
      PROMPT,
      trials.map(({ kept, loss }) => ({ kept, loss: loss + 100 })),
    );
    expect(rows.reduce((sum, { gain }) => sum + gain, 0)).toBeCloseTo(0, 9);
    for (const [i, { gain }] of rows.entries()) expect(shifted[i]?.gain).toBeCloseTo(gain, 9);
  });

  it('becomes targets in its own order, 0.5 in the middle, alike where it is alike', () => {
    const { prompt } = PROMPT;
    const values = Float32Array.from(prompt.words, (word) => (word < 0 ? 99 : Math.floor(word / 2)));
    const targets = keepTargets(prompt, values);
    const inside = [...prompt.words.keys()].filter((i) => (prompt.words[i] ?? -1) >= 0);
    for (const a of inside)
      for (const b of inside)
        expect(Math.sign((targets[a] ?? 0) - (targets[b] ?? 0))).toBe(
          Math.sign((values[a] ?? 0) - (values[b] ?? 0)),
        );
    expect(inside.reduce((sum, i) => sum + (targets[i] ?? 0), 0) / inside.length).toBeCloseTo(0.5, 2);
    expect(targets.at(-1)).toBe(0);
  });
});

describe('training the score head', () => {
  const random = seededRandom(1);
  const table = Float32Array.from({ length: VOCABULARY * 8 }, () => normalSample(random));
  const train = (
    workFolder: string,
    onFraction: (fraction: number) => void = () => undefined,
    signal?: AbortSignal,
  ): ReturnType<typeof trainScoreHead> =>
    trainScoreHead(
      {
        source: fakeSource(),
        identity: 'model',
        embedding: new EmbeddingRows(table.slice(), 8),
        measured: prompts,
        prompts,
        workFolder,
        config: TINY_TLM_CONFIG,
        epochs: 60,
      },
      onFraction,
      signal,
    );

  it('ends with the same, killed in trials and in training or not', async () => {
    const whole = unwrap(await train(join(folder, 'whole')));
    const parts = join(folder, 'parts');
    for (const at of [0.3, 0.95]) {
      const killed = new AbortController();
      const untilKilled = train(
        parts,
        (fraction) => {
          if (fraction >= at) killed.abort(new Error('killed'));
        },
        killed.signal,
      );
      await expect(untilKilled).rejects.toThrow('killed');
    }
    const resumed = unwrap(await train(parts));
    expect(resumed.worth).toEqual(whole.worth);
    expect(resumed.parameters).toEqual(whole.parameters);
    expect(resumed.heldOutLoss).toBe(whole.heldOutLoss);
  });
});

describe('compression loss', () => {
  it('compares selectors request by request with the first one', async () => {
    const requests = prompts.map(({ id, prompt, pieces, answer }): StrategyRequest => ({
      id,
      kind: 'multiple-choice',
      set: 'set',
      prompt,
      pieces,
      choices: [{ tokens: answer, bytes: 2 }],
      gold: 0,
    }));
    const first: WordSelector = {
      name: 'first',
      scores: ({ prompt }) => Promise.resolve(firstWords(prompt)),
    };
    const measured = unwrap(
      await measureCompression({
        source: fakeSource(),
        requests,
        promptLevel: 0.5,
        selectors: [
          first,
          { ...first, name: 'same' },
          { name: 'last', scores: ({ prompt }) => Promise.resolve(firstWords(prompt).map((word) => -word)) },
        ],
      }),
    );
    const [own, same, last] = measured.selectors;
    expect(same).toMatchObject({ mean: own?.mean, behindFirst: { mean: 0, stderr: 0 } });
    expect(last?.behindFirst.mean).toBeCloseTo((last?.mean ?? 0) - (own?.mean ?? 0), 9);
    expect(measured.keptShare).toBeLessThan(0.6);
    expect(measured).toMatchObject({ requests: 6, promptLevel: 0.5 });
  });
});
