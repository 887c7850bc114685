import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readDroidTask, UNSEEN_APPS } from '../../offline/datasets/droid-task.ts';
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
