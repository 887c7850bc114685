import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compressPrompt } from '../../core/compress-prompt.ts';
import { unwrap } from '../../core/result.ts';
import { modelText } from '../../offline/evaluation/model-text.ts';
import { tinySourceModel } from '../../offline/sources/tiny-model.ts';
import {
  evaluationFiles,
  evaluationRequests,
  trainingFiles,
  trainingRequests,
} from '../../offline/tlm/requests/request-sets.ts';
import { scorePrompts } from '../../offline/tlm/requests/score-prompts.ts';
import type { PromptForm, StrategyRequest } from '../../offline/tlm/requests/strategy-request.ts';

const model = tinySourceModel();
const text = modelText(new Tokenizer(JSON.parse(model.tokenizer.json), {}), {
  tokenizer: { ...model.tokenizer, file: 'tokenizer.json', sha256: '' },
  model: model.config,
} as never);
const SECRET = 'evaluationonly';
const all = { perSet: 0, seed: 1, maxTokens: 4000 };
let data = '';

function put(path: string, content: string): void {
  const file = join(data, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

function trainingItem(name: string, i: number): unknown {
  return {
    instruction: `Please choose the correct answer to the question: ${name} question number ${i}?\n\nAnswer1: red ${i} Answer2: blue ${i}\n\nAnswer format: answer1/answer2`,
    answer: `answer${1 + (i % 2)}`,
  };
}

function step(app: string, i: number): unknown {
  return {
    task: `${app} task ${i}`,
    profile: [
      {
        state: `<button id=0>Open ${app}</button>\n<button id=1>Close ${i}</button>`,
        history: '- Start the app.',
        label: [i % 2, 'null'],
      },
    ],
  };
}

const steps = (app: string): Record<string, unknown> =>
  Object.fromEntries(Array.from({ length: 4 }, (_, i) => [`${app}${i}`, step(app, i)]));

beforeAll(() => {
  data = mkdtempSync(join(tmpdir(), 'bungee-requests-'));
  for (const name of ['arc_easy', 'openbook_qa'])
    put(
      `multiple-choice-train/${name}.json`,
      JSON.stringify(Array.from({ length: 40 }, (_, i) => trainingItem(name, i))),
    );
  const lines = (query: (i: number) => string): string =>
    Array.from({ length: 30 }, (_, i) =>
      JSON.stringify({ query: query(i), choices: [`yes ${i}`, 'no'], gold: i % 2 }),
    ).join('\n');
  put(
    'multiple-choice/arc_easy.jsonl',
    lines((i) => `Question: ${SECRET} easy ${i}?`),
  );
  put(
    'multiple-choice/piqa.jsonl',
    lines((i) => `Question: ${SECRET} goal ${i}`),
  );
  put('droidtask/tasks.json', JSON.stringify({ gallery: steps('gallery'), dialer: steps('dialer') }));
  const names = ['take a photo', 'set volume', 'call'];
  put(
    'octopus/even.csv',
    Array.from({ length: 20 }, (_, i) => `"${SECRET}, wish ${i}",${names.join(',')},${'ABC'[i % 3]}`).join(
      '\n',
    ),
  );
  put(
    'llamatouch/even.tsv',
    ['description\tapp', ...Array.from({ length: 20 }, (_, i) => `${SECRET} task ${i}\tApp${i % 4}`)].join(
      '\n',
    ),
  );
});
afterAll(() => {
  rmSync(data, { recursive: true, force: true });
});

const whole = ({ pieces }: Pick<StrategyRequest, 'pieces'>): string => pieces.join('');
const question = (request: StrategyRequest): string =>
  request.pieces.filter((_, i) => (request.prompt.words[i] ?? -1) < 0).join('');

describe('training requests', () => {
  it('hold nothing of the evaluation files and none of the unseen apps', () => {
    for (const path of trainingFiles(data)) expect(path).not.toMatch(/multiple-choice\/|octopus|llamatouch/);
    const prompts = unwrap(scorePrompts(data, text, { ...all, seed: 3 }));
    expect(prompts.length).toBeGreaterThan(100);
    for (const prompt of prompts) expect(whole(prompt)).not.toMatch(/evaluationonly|dialer/);
  });

  it('never show an item among its own examples', () => {
    for (const request of unwrap(trainingRequests(trainingFiles(data), text, all))) {
      const asked = /(question number \d+\?|task \d+)/.exec(question(request))?.[0] ?? '';
      expect(asked).not.toBe('');
      expect(whole(request).split(asked)).toHaveLength(2);
    }
  });

  it('can leave out items whose answers recovery has seen', () => {
    const kept = unwrap(
      trainingRequests(trainingFiles(data), text, { ...all, slices: ['selection', 'heldOut'] }),
    );
    const every = unwrap(trainingRequests(trainingFiles(data), text, all));
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length).toBeLessThan(every.length / 2);
  });
});

describe('evaluation requests', () => {
  it('take the rows that are examples out of the items of a file without training split', () => {
    const requests = unwrap(evaluationRequests([join(data, 'multiple-choice/piqa.jsonl')], text, all));
    expect(requests).toHaveLength(18);
    const asked = new Set(requests.map((request) => /goal \d+/.exec(question(request))?.[0]));
    for (const request of requests)
      for (const [shown] of whole(request)
        .replace(question(request), '')
        .matchAll(/goal \d+/g))
        expect(asked).not.toContain(shown);
  });

  it('ask for unseen apps with examples of the others', () => {
    const requests = unwrap(evaluationRequests([join(data, 'droidtask/tasks.json')], text, all));
    expect(requests).toHaveLength(4);
    for (const request of requests) {
      expect(question(request)).toContain('dialer');
      expect(whole(request)).toContain('gallery');
    }
  });

  it('choose among all functions of a query and all apps of a file', () => {
    const [octopus] = unwrap(evaluationRequests([join(data, 'octopus/even.csv')], text, all));
    const [app] = unwrap(evaluationRequests([join(data, 'llamatouch/even.tsv')], text, all));
    expect(octopus?.choices).toHaveLength(3);
    expect(app?.choices.map(({ tokens }) => tokens.map((token) => text.piece(token)).join(''))).toEqual(
      [0, 1, 2, 3].map((i) => ` App${i}`),
    );
  });

  it('are the same for equal seeds, whatever their number', () => {
    const few = unwrap(evaluationRequests(evaluationFiles(data), text, { ...all, perSet: 3 }));
    const many = unwrap(evaluationRequests(evaluationFiles(data), text, { ...all, perSet: 6 }));
    expect(few.every((request) => many.some((other) => whole(other) === whole(request)))).toBe(true);
    const others = unwrap(evaluationRequests(evaluationFiles(data), text, { ...all, perSet: 3, seed: 2 }));
    expect(others.map(whole)).not.toEqual(few.map(whole));
  });
});

describe.each<PromptForm>(['plain', 'chat'])('a %s prompt', (form) => {
  it('keeps the whole question and the answer label at any prompt level', () => {
    for (const request of unwrap(
      evaluationRequests(evaluationFiles(data), text, { ...all, perSet: 4, form }),
    )) {
      const { prompt, pieces } = request;
      const nothing = compressPrompt(prompt, new Float32Array(pieces.length), 0.01);
      const left = nothing.map((i) => pieces[i]).join('');
      expect(left).toBe(question(request));
      expect(left).toMatch(/(evaluationonly|dialer)[\s\S]*:(<\|im_end\|>\n<\|im_start\|>assistant\n)?$/);
      expect(left).not.toContain('You are an assistant');
      expect(whole(request)).toContain('You are an a');
    }
  });
});

describe('what cannot be read', () => {
  it('is named with file and line', () => {
    put('octopus/bad.csv', 'wish,one,two,Z\n');
    const read = evaluationRequests([join(data, 'octopus/bad.csv')], text, all);
    expect(read).toMatchObject({ ok: false, failure: { code: 'invalid-input' } });
    expect(read.ok ? '' : read.failure.message).toContain('bad.csv line 1');
  });
});
