import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { readDroidTask, UNSEEN_APPS } from '../../offline/datasets/droid-task.ts';
import { choiceBytes, evaluationContext } from '../../offline/datasets/multiple-choice-prompt.ts';
import { readMultipleChoice } from '../../offline/datasets/multiple-choice.ts';
import { readTextDocuments } from '../../offline/datasets/text-documents.ts';
import { unwrap } from '../../core/result.ts';
import { dataFolder } from '../../scripts/shared/data-folder.ts';

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

describe('readDroidTask', () => {
  const step = (state: string, label: unknown): unknown => ({
    gallery: { k: { task: 'Open it', profile: [{ state, history: '\n- Start.', label }], step_num: 1 } },
  });
  const state = "<input id=0>B\nJ</input>\n <button id=2 text='Go'></button>\n<button id=1>Back</button>";

  it('asks for the element of the label, by its HTML without the id', () => {
    expect(unwrap(readDroidTask(file('d.json', step(state, [2, 'null']))))).toEqual([
      {
        app: 'gallery',
        task: 'Open it',
        item: {
          context:
            "Task: Open it\nPrevious UI actions:\n- Start.\nCurrent UI:\n<input>B J</input>\n<button text='Go'></button>\n<button>Back</button>\nThe next UI element to tap is:",
          choices: ['<input>B J</input>', "<button text='Go'></button>", '<button>Back</button>'],
          gold: 1,
        },
        text: null,
      },
    ]);
  });

  it('keeps what is typed, and makes elements that read alike one choice', () => {
    const twins = '<button id=0>A</button>\n<button id=1>B</button>\n<button id=2>A</button>';
    const [first] = unwrap(readDroidTask(file('d.json', step(twins, [2, 'hello']))));
    expect(first?.item.choices).toHaveLength(2);
    expect(first?.item.gold).toBe(0);
    expect(first?.text).toBe('hello');
  });

  it.each([
    ['a label that is not on the screen', step(state, [7, null]), /gallery.*step 0.*label 7/],
    ['only finished tasks', step(state, [-1, null]), /no steps/],
    ['a label of another form', step(state, 'x'), /label/],
    ['a list', [], /record/],
  ])('refuses %s', (_, content, message) => {
    const result = readDroidTask(file('d.json', content));
    expect(result.ok ? '' : result.failure.message).toMatch(message);
  });
});

describe('readTextDocuments', () => {
  it.each([
    [
      { prompt: 'P', response: 'R' },
      { prompt: 'P', text: 'R' },
    ],
    [
      {
        prompt:
          'Below is an instruction that describes a task. Write.\n\n### Instruction:\nwhat is it?\n\n### Response:\n',
        response: 'R',
      },
      { prompt: 'what is it?', text: 'R' },
    ],
    [
      { question: 'Q', answer: 'A' },
      { prompt: 'Q', text: 'A' },
    ],
    [
      { instruction: 'I', input: 'x', output: 'O' },
      { prompt: 'I\n\nx', text: 'O' },
    ],
    [
      { instruction: 'I', input: '', output: 'O' },
      { prompt: 'I', text: 'O' },
    ],
    [
      { instruction: 'I', instances: [{ input: '', output: 'O' }] },
      { prompt: 'I', text: 'O' },
    ],
    [
      { query: 'Question: Q?', choices: ['a', 'b'], gold: 1 },
      { prompt: null, text: 'Question: Q?\nAnswer: b' },
    ],
    [{ text: 'T' }, { prompt: null, text: 'T' }],
  ])('reads %j', (record, expected) => {
    expect(unwrap(readTextDocuments(file('t.jsonl', lines(record))))).toEqual([expected]);
    expect(unwrap(readTextDocuments(file('t.json', [record])))).toEqual([expected]);
  });

  it('reads other files as one running text', () => {
    expect(unwrap(readTextDocuments(file('t.txt', 'a\nb')))).toEqual([{ prompt: null, text: 'a\nb' }]);
  });

  it.each([
    ['t.jsonl', '{"foo":1}', /line 1.*none of/],
    ['t.jsonl', '{"text":" "}', /no text/],
    ['t.json', '{}', /array/],
    ['t.txt', ' ', /no text/],
  ])('refuses %s of %j', (name, content, message) => {
    const result = readTextDocuments(file(name, content));
    expect(result.ok ? '' : result.failure.message).toMatch(message);
  });

  it('says which file is missing', () => {
    const result = readTextDocuments(join(folder, 'none.txt'));
    expect(result.ok ? '' : result.failure.code).toBe('data-unreadable');
  });
});

const data = dataFolder();
if (data === null) console.warn('No data folder (BUNGEE_DATA): readers are not tried on the public sets.');
describe.skipIf(data === null)('readers on the public sets', () => {
  const at = (...parts: string[]): string => join(data ?? '', ...parts);

  it.each([
    ['multiple-choice/arc_easy.jsonl', 1188, /^Question: [\s\S]*\nAnswer:$/],
    ['multiple-choice/openbook_qa.jsonl', 250, /^(?!Question:)[\s\S]*(?<!Answer:)$/],
    ['multiple-choice/boolq.jsonl', 1635, /^Passage: [\s\S]*\nQuestion: [\s\S]*\?\nAnswer:$/],
    ['multiple-choice/piqa.jsonl', 919, /^Question: [\s\S]*\S\nAnswer:$/],
    ['multiple-choice/commonsense_qa.jsonl', 611, /^Question: [\s\S]*\nAnswer:$/],
    ['multiple-choice-train/arc_easy.json', 2251, /^Question: [\s\S]*\nAnswer:$/],
    ['multiple-choice-train/arc_challenge.json', 1119, /^Question: [\s\S]*\nAnswer:$/],
    ['multiple-choice-train/openbook_qa.json', 4957, /^(?!Question:)[\s\S]*(?<!Answer:)$/],
    ['multiple-choice-train/boolq.json', 9427, /^Question: [\s\S]*\?\nAnswer:$/],
  ])('reads all items of %s', (name, count, form) => {
    const items = unwrap(readMultipleChoice(at(name)));
    expect(items).toHaveLength(count);
    expect(items.filter(({ context }) => !form.test(context))).toEqual([]);
  });

  it('reads the 344 steps of DroidTask that are not "done"', () => {
    const steps = unwrap(readDroidTask(at('droidtask', 'tasks.json')));
    expect(steps).toHaveLength(344);
    expect(steps.filter(({ app }) => UNSEEN_APPS.includes(app))).toHaveLength(96);
    expect(steps.filter(({ text }) => text !== null).length).toBeGreaterThan(10);
  });

  it.each([
    ['dolly-hhrlhf-small.jsonl', 900],
    ['gpteacher-roleplay.json', 3000],
    ['gpteacher-toolformer.json', 7500],
    ['gsm8k-train.jsonl', 7473],
    ['self-instruct-seed_tasks.jsonl', 170],
    ['self-instruct-user_oriented_instructions.jsonl', 250],
  ])('reads %s as answers to prompts', (name, atLeast) => {
    const path = at('instruct', name);
    expect(existsSync(path)).toBe(true);
    const documents = unwrap(readTextDocuments(path));
    expect(documents.length).toBeGreaterThanOrEqual(atLeast);
    expect(documents.filter(({ prompt }) => prompt === null || prompt.includes('### Response'))).toEqual([]);
  });
});
