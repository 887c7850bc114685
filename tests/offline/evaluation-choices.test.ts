import { Tokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { continuation } from '../../offline/datasets/multiple-choice-prompt.ts';
import {
  accuracyOf,
  choiceLogProbabilities,
  judge,
  type Outcome,
} from '../../offline/evaluation/choice-score.ts';
import { encodeItem, runTokens, type EncodedItem } from '../../offline/evaluation/choice-tokens.ts';
import { LevelSource } from '../../offline/evaluation/level-source.ts';
import { tokenLogProbability } from '../../offline/evaluation/logit-rows.ts';
import { modelText } from '../../offline/evaluation/model-text.ts';
import { tinySourceModel } from '../../offline/sources/tiny-model.ts';
import { GraphLab } from './support/graph-lab.ts';

const model = tinySourceModel({ seed: 32 });
const text = modelText(new Tokenizer(JSON.parse(model.tokenizer.json), {}), {
  model: model.config,
  tokenizer: { ...model.tokenizer, file: 'tokenizer.json', eosTokenIds: [...model.tokenizer.eosTokenIds] },
});

const ITEM = {
  context: 'Question: what is in the sea?\nAnswer:',
  choices: ['sand and water', 'the', 's'],
  gold: 1,
};

describe('a question in tokens', () => {
  it('is for every choice the whole text, scored from where the context ends', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.array(fc.string({ minLength: 1 }), { minLength: 2, maxLength: 4 }),
        (start, choices) => {
          const context = start.trimEnd();
          const item = encodeItem({ context, choices, gold: 0 }, text);
          expect(item.prefix.length).toBeGreaterThan(0);
          for (const [i, { tail, scoreFrom }] of item.choices.entries()) {
            const whole = text.encode(context + continuation(choices[i] as string));
            const ids = [...item.prefix, ...tail];
            expect(ids.slice(ids[0] === whole[0] && ids.length === whole.length ? 0 : 1)).toEqual(whole);
            expect(scoreFrom).toBeLessThan(tail.length);
            const own = text.encode(context).length + ids.length - whole.length;
            expect(item.prefix.length + scoreFrom).toBeLessThanOrEqual(own);
          }
        },
      ),
    );
  });

  it('without a context begins with the start token', () => {
    const item = encodeItem({ context: '', choices: ['a', 'the sea'], gold: 0 }, text);
    expect(item.prefix).toEqual([text.startToken]);
    expect(item.choices.map(({ tail, scoreFrom }) => [tail, scoreFrom])).toEqual([
      [text.encode(' a'), 0],
      [text.encode(' the sea'), 0],
    ]);
  });

  it('keeps the end of a context that is too long for the model', () => {
    const long = { ...ITEM, context: 'before '.repeat(100) + ITEM.context };
    const item = encodeItem(long, { ...text, contextLength: 40 });
    const longest = Math.max(...item.choices.map(({ tail }) => tail.length));
    expect(item.prefix.length + longest).toBe(40);
    expect(text.encode(long.context).slice(-item.prefix.length)).toEqual(item.prefix);
  });

  it('counts the tokens that a model runs: the prefix once, no choice with its last token', () => {
    const item: EncodedItem = {
      prefix: [1, 2, 3],
      choices: [
        { tail: [4], scoreFrom: 0, bytes: 1 },
        { tail: [5, 6, 7], scoreFrom: 0, bytes: 3 },
      ],
      gold: 0,
      app: null,
    };
    expect(runTokens(item)).toBe(3 + 0 + 2);
  });
});

describe('choices scored after a shared prefix', () => {
  const lab = new GraphLab(model);
  afterAll(() => lab.close());

  it('have the log-probability of the whole sequence, at every level', async () => {
    const session = await lab.session('f32', 'zero-row');
    const item = encodeItem(ITEM, text);
    for (const { level, prefix } of lab.plan.levels) {
      const source = new LevelSource(
        session,
        { config: model.config, ...lab.plan, firstTokenAlone: false },
        prefix,
        [],
      );
      const shared = await choiceLogProbabilities(source, item);
      const { logits, vocabSize } = source;
      const apart = await choiceLogProbabilities({ logits, vocabSize }, item);
      for (const [i, { tail, scoreFrom }] of item.choices.entries()) {
        const ids = [...item.prefix, ...tail];
        const rows = await source.logits(ids);
        let sum = 0;
        for (let at = item.prefix.length + scoreFrom; at < ids.length; at++)
          sum += tokenLogProbability(rows, vocabSize, at - 1, ids[at] as number);
        expect(shared[i], `level ${level}`).toBeCloseTo(sum, 3);
        expect(apart[i], `level ${level}`).toBeCloseTo(sum, 3);
      }
      expect(new Set(shared).size).toBe(shared.length);
    }
  });
});

describe('accuracy', () => {
  const judged = (bytes: readonly number[], gold: number, sums: readonly number[]): boolean[] => {
    const choices = bytes.map((count) => ({ tail: [0], scoreFrom: 0, bytes: count }));
    const { right, rightNorm } = judge({ prefix: [0], choices, gold, app: null }, sums);
    return [right, rightNorm];
  };

  it.each([
    ['the likeliest, of equal length', [4, 4], 1, [-3, -2], [true, true]],
    ['a long one that only wins per byte', [10, 2], 0, [-10, -4], [false, true]],
    ['a short one that only wins by its sum', [10, 2], 1, [-10, -4], [true, false]],
    ['the first of equals', [3, 3, 3], 0, [-1, -1, -1], [true, true]],
    ['neither', [3, 3], 0, [-2, -1], [false, false]],
  ])('takes %s', (_, bytes, gold, sums, expected) => {
    expect(judged(bytes, gold, sums)).toEqual(expected);
  });

  const outcomes = (right: number, of: number, app: string | null = null): Outcome[] =>
    Array.from({ length: of }, (_, i) => ({ right: i < right, rightNorm: i % 2 === 0, app }));

  it.each([
    [27, 50, 0.54, Math.sqrt((0.54 * 0.46) / 50)],
    [1, 4, 0.25, 0.21650635094610965],
    [3, 3, 1, 0],
    [0, 0, 0, 0],
  ])('%i of %i right is %d ± %d', (right, of, acc, stderr) => {
    const accuracy = accuracyOf(outcomes(right, of));
    expect(accuracy.acc).toBeCloseTo(acc, 12);
    expect(accuracy.stderr).toBeCloseTo(stderr, 12);
    expect(accuracy.n).toBe(of);
    expect(accuracy).not.toHaveProperty('byApp');
  });

  it('is told by app where items belong to apps', () => {
    const accuracy = accuracyOf([...outcomes(1, 4, 'dialer'), ...outcomes(3, 4, 'messenger')]);
    expect(accuracy).toMatchObject({ acc: 0.5, accNorm: 0.5, n: 8 });
    expect(accuracy.byApp?.['dialer']).toMatchObject({ acc: 0.25, n: 4 });
    expect(accuracy.byApp?.['messenger']).toMatchObject({ acc: 0.75, n: 4 });
  });
});
