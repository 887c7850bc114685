import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { unwrap } from '../../core/result.ts';
import { choiceBytes, evaluationContext } from '../../offline/datasets/multiple-choice-prompt.ts';
import { readMultipleChoice } from '../../offline/datasets/multiple-choice.ts';

const folder = mkdtempSync(join(tmpdir(), 'bungee-datasets-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}
function lines(...records: readonly unknown[]): string {
  return records.map((record) => JSON.stringify(record)).join('\n') + '\n';
}

const choose = (question: string, choices: readonly string[], answer: string): unknown => ({
  instruction: `Please choose the correct answer to the question: ${question}\n\n${choices
    .map((choice, at) => `Answer${at + 1}: ${choice}`)
    .join(' ')}\n\nAnswer format: ${choices.map((_, at) => `answer${at + 1}`).join('/')}`,
  input: '',
  output: `the correct answer is ${answer}`,
  answer,
});

describe('prompt of a multiple-choice item', () => {
  it.each([
    ['Question: Why?', 'Question: Why?\nAnswer:'],
    ['Question: ice box\n', 'Question: ice box\nAnswer:'],
    ['Passage: Corn.\nQuestion: is it?', 'Passage: Corn.\nQuestion: is it?\nAnswer:'],
    ['Question: Where?\nChoices:\nA. bank\nAnswer:', 'Question: Where?\nChoices:\nA. bank\nAnswer:'],
    ['Predators eat', 'Predators eat'],
    ["It's easier to survive in:", "It's easier to survive in:"],
  ])('%j is asked as %j', (query, context) => {
    expect(evaluationContext(query)).toBe(context);
  });

  it('normalizes by bytes of the choice without the space before it', () => {
    expect(choiceBytes(' grün ')).toBe(5);
    expect(choiceBytes('A')).toBe(1);
  });
});

describe('readMultipleChoice', () => {
  it('reads listed choices', () => {
    const path = file('a.jsonl', lines({ query: 'Question: Q?', choices: ['x ', 'y'], gold: 1 }) + '\n');
    expect(unwrap(readMultipleChoice(path))).toEqual([
      { context: 'Question: Q?\nAnswer:', choices: ['x', 'y'], gold: 1 },
    ]);
  });

  it('takes question sets out of instructions in the form of evaluation', () => {
    const path = file('arc.json', [
      choose('Which?', ['one: two', 'Answer me', 'three'], 'answer3'),
      choose('A switch can', ['a', 'b', 'c', 'd', 'e'], 'answer5'),
    ]);
    expect(unwrap(readMultipleChoice(path))).toEqual([
      { context: 'Question: Which?\nAnswer:', choices: ['one: two', 'Answer me', 'three'], gold: 2 },
      { context: 'Question: A switch can\nAnswer:', choices: ['a', 'b', 'c', 'd', 'e'], gold: 4 },
    ]);
  });

  it('leaves a set of sentences to be continued as it is', () => {
    const path = file('obqa.json', [
      choose('The sun is responsible for', ['a', 'b'], 'answer1'),
      choose('Stars are', ['a', 'b'], 'answer2'),
      choose('What is hot?', ['a', 'b'], 'answer2'),
    ]);
    expect(unwrap(readMultipleChoice(path)).map(({ context }) => context)).toEqual([
      'The sun is responsible for',
      'Stars are',
      'What is hot?',
    ]);
  });

  it('asks true or false as yes or no, as evaluation files of BoolQ do', () => {
    const path = file('boolq.json', [
      {
        instruction:
          'Please answer the following question with true or false, question: is it: so?\n\nAnswer format: true/false',
        input: '',
        output: 'the correct answer is true',
        answer: 'true',
      },
    ]);
    expect(unwrap(readMultipleChoice(path))).toEqual([
      { context: 'Question: is it: so?\nAnswer:', choices: ['no', 'yes'], gold: 1 },
    ]);
  });

  it('gives back what was written, for any question and choices', () => {
    const words = fc.stringMatching(/^[a-z][a-z ,.'-]{0,30}[a-z.]$/);
    fc.assert(
      fc.property(
        words,
        fc.array(words, { minLength: 2, maxLength: 6 }),
        fc.nat(),
        (question, choices, n) => {
          const gold = n % choices.length;
          const path = file('any.json', [choose(`${question}?`, choices, `answer${gold + 1}`)]);
          expect(unwrap(readMultipleChoice(path))).toEqual([
            { context: `Question: ${question}?\nAnswer:`, choices, gold },
          ]);
        },
      ),
      { numRuns: 40 },
    );
  });

  it.each([
    [
      'gold past the choices',
      lines({ query: 'Q', choices: ['a', 'b'], gold: 2 }),
      /line 1.*index of a choice/,
    ],
    ['one choice', lines({ query: 'Q', choices: ['a'], gold: 0 }), /line 1/],
    ['no JSON on a later line', lines({ query: 'Q', choices: ['a', 'b'], gold: 0 }) + '{', /line 2.*JSON/],
    ['an answer that is no choice', lines(choose('Q?', ['a', 'b'], 'answer3')), /line 1.*answer3/],
    ['an instruction without choices', lines({ instruction: 'Sing.', answer: 'answer1' }), /line 1/],
    ['nothing', '\n', /no records/],
  ])('names file and line of %s', (_, content, message) => {
    const path = file('bad.jsonl', content);
    const result = readMultipleChoice(path);
    expect(result.ok ? '' : result.failure.message).toMatch(message);
    expect(result.ok ? '' : result.failure.message).toContain(path);
    expect(result.ok ? '' : result.failure.message).not.toContain('\n');
  });
});
