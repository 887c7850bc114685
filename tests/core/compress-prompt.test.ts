import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compressPrompt, stretchScores, wordScores, wordsOf } from '../../core/compress-prompt.ts';
import { PROMPT_LEVELS } from '../../core/prompt-level.ts';
import { proposedStrategy } from '../../core/tlm.ts';

describe('wordsOf', () => {
  test.each<[string, string[], number[]]>([
    ['a word begins with its space', ['The', ' cat', ' s', 'at'], [0, 1, 2, 2]],
    ['a space of its own ends a word', ['a', ' ', 'b'], [0, 1, 2]],
    ['letters and digits meet other characters', ['don', "'", 't', '7', '!'], [0, 1, 2, 2, 3]],
    [
      'parts of a character join its word',
      ['na', '\uFFFD', '\uFFFD', 've', ' \uFFFD', '\uFFFD'],
      [0, 0, 0, 0, 1, 1],
    ],
  ])('%s', (_name, pieces, words) => {
    expect([
      ...wordsOf(
        pieces,
        pieces.map(() => true),
      ),
    ]).toEqual(words);
  });

  test('tokens that are kept always end a word and have none', () => {
    expect([...wordsOf(['a', 'b', 'c', 'd'], [true, false, true, true])]).toEqual([0, -1, 1, 1]);
  });
});

test('a word’s score is the mean of its tokens’', () => {
  const prompt = { tokens: [1, 2, 3, 4], words: Int32Array.of(0, -1, 1, 1) };
  expect([...wordScores(prompt, [5, 100, 1, 2])]).toEqual([5, 1.5]);
});

test('a stretch of good words is worth more than one better word among bad ones', () => {
  const scores = Float32Array.from({ length: 40 }, (_, word) =>
    word === 5 ? 9 : word >= 20 && word < 30 ? 3 : 0,
  );
  const stretches = stretchScores(scores);
  const best = [...stretches.keys()].sort((a, b) => (stretches[b] ?? 0) - (stretches[a] ?? 0));
  expect(best.slice(0, 10).every((word) => word >= 18 && word < 32)).toBe(true);
  expect(stretches).toHaveLength(40);
});

test('where surroundings are alike, a word’s own score decides', () => {
  const scores = new Float32Array(60);
  scores[30] = 1;
  const stretches = stretchScores(scores);
  expect(Math.max(...stretches)).toBe(stretches[30]);
});

describe('compressPrompt', () => {
  /** Words of one to four tokens with fixed tokens among them. */
  const prompts = fc
    .array(fc.record({ fixed: fc.boolean(), length: fc.integer({ min: 1, max: 4 }) }), { maxLength: 40 })
    .map((parts) => {
      let word = 0;
      return parts.flatMap(({ fixed, length }) => {
        const own = fixed ? -1 : word++;
        return Array.from({ length }, () => own);
      });
    });

  test('keeps what is fixed, whole words, the order, and the budget', () => {
    const scenario = fc.record({
      words: prompts,
      level: fc.constantFrom(...PROMPT_LEVELS),
      scores: fc.infiniteStream(fc.double({ min: -5, max: 5, noNaN: true })),
    });
    fc.assert(
      fc.property(scenario, ({ words, level, scores }) => {
        const prompt = { tokens: [...words.keys()], words: Int32Array.from(words) };
        const own = [...words.keys()].map(() => scores.next().value as number);
        const kept = compressPrompt(prompt, own, level);
        expect(kept).toEqual([...kept].sort((a, b) => a - b));
        const isKept = new Set(kept);
        const byWord = new Map<number, boolean>();
        for (const [i, word] of words.entries()) {
          if (word < 0) expect(isKept.has(i)).toBe(true);
          else expect(isKept.has(i)).toBe(byWord.get(word) ?? isKept.has(i));
          byWord.set(word, isKept.has(i));
        }
        const fixed = words.filter((word) => word < 0).length;
        expect(kept.length).toBeLessThanOrEqual(Math.max(fixed, Math.round(words.length * level)));
        if (level === 1) expect(kept).toHaveLength(words.length);
      }),
    );
  });

  test('takes words by score; one too long for what is left is passed over', () => {
    const prompt = { tokens: [0, 1, 2, 3, 4, 5], words: Int32Array.of(0, 1, 1, 1, 2, -1) };
    expect(compressPrompt(prompt, [1, 3, 2], 0.5)).toEqual([0, 4, 5]);
    expect(compressPrompt(prompt, [1, 3, 2], 0.7)).toEqual([1, 2, 3, 5]);
  });
});

test('the proposal is the likeliest prompt level, and the likeliest level of the bundle', () => {
  const promptLogits = PROMPT_LEVELS.map((p) => -Math.abs(p - 0.3));
  expect(proposedStrategy(promptLogits, [0, 1, 2, 9, 3, 4, 5, 6, 7], [20, 60, 80])).toEqual({
    promptLevel: 0.3,
    modelLevel: 80,
  });
});
