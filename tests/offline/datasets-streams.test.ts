import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import { unwrap } from '../../core/result.ts';
import { openCorpus } from '../../offline/datasets/corpus.ts';
import { documentEncoder } from '../../offline/datasets/document-encoder.ts';
import {
  calibrationWindows,
  heldOutWindows,
  selectionWindows,
  sliceItems,
} from '../../offline/datasets/measuring-windows.ts';
import { fitsRoom, mixChances, pickByChance, TRIES } from '../../offline/datasets/mix-chances.ts';
import { recoveryStream } from '../../offline/datasets/recovery-stream.ts';
import { SLICES, sliceByHash, sliceProse } from '../../offline/datasets/slices.ts';
import type { TrainingWindow } from '../../offline/datasets/window-packer.ts';
import { tinyTokenizer } from '../../offline/sources/tiny-tokenizer.ts';
import { dataFolder } from '../../scripts/shared/data-folder.ts';

const tokenizer = tinyTokenizer();
const decoder = new Tokenizer(JSON.parse(tokenizer.json), {});
const textOf = (window: TrainingWindow): string =>
  decoder.decode([...window.ids], { skip_special_tokens: false });

/** A small data folder where every word says which document it is of. */
const folder = mkdtempSync(join(tmpdir(), 'bungee-streams-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
function put(name: string, content: string): void {
  mkdirSync(join(folder, name, '..'), { recursive: true });
  writeFileSync(join(folder, name), content);
}
const count = (n: number): number[] => Array.from({ length: n }, (_, at) => at);
put(
  'wikitext-2/valid.txt',
  count(40)
    .map((n) => ` \n = Title = \n \n${` w${n}w`.repeat(120)} \n`)
    .join(''),
);
put(
  'instruct/gsm8k-train.jsonl',
  count(120)
    .map((n) => JSON.stringify({ question: `g${n}g ask`, answer: `g${n}g told` }))
    .join('\n'),
);
put(
  'multiple-choice-train/arc_easy.json',
  JSON.stringify(
    count(120).map((n) => ({
      instruction: `Please choose the correct answer to the question: a${n}a?\n\nAnswer1: no Answer2: a${n}a\n\nAnswer format: answer1/answer2`,
      answer: 'answer2',
    })),
  ),
);
put(
  'droidtask/tasks.json',
  JSON.stringify(
    Object.fromEntries(
      ['gallery', 'messenger', 'dialer', 'camera', 'clock'].map((app) => [
        app,
        Object.fromEntries(
          count(8).map((n) => [
            String(n),
            {
              task: `d${app}${n}d`,
              profile: [{ state: '<p id=0>A</p>\n<p id=1>B</p>', history: '\n- Start.', label: [1, 'null'] }],
            },
          ]),
        ),
      ]),
    ),
  ),
);
/** The evaluation folders must never be read. */
put('multiple-choice/arc_easy.jsonl', 'EVALUATION');
put('octopus/even.csv', 'EVALUATION');

const MARKER = /[wga]\d+[wga]|d[a-z]+\d+d/g;
const markers = (windows: readonly TrainingWindow[]): Set<string> =>
  new Set(windows.flatMap((window) => textOf(window).match(MARKER) ?? []));
const sizes = { windowTokens: 160, windowsPerDomain: 400 };

describe('slices', () => {
  it('share no document: nothing measured or chosen by is ever trained on', () => {
    const stream = unwrap(recoveryStream(tokenizer, folder, { windowTokens: 160, seed: 3 }));
    const measured = [
      unwrap(selectionWindows(tokenizer, folder, sizes)),
      unwrap(heldOutWindows(tokenizer, folder, sizes)),
    ].map((named) => markers(named.flatMap(({ windows }) => windows)));
    for (const slice of ['selection', 'heldOut'] as const)
      for (const { items } of unwrap(sliceItems(folder, slice)))
        for (const { context } of items)
          for (const marker of context.match(MARKER) ?? [])
            measured[slice === 'selection' ? 0 : 1]?.add(marker);
    const [selection = new Set<string>(), heldOut = new Set<string>()] = measured;
    expect(selection.size).toBeGreaterThan(10);
    expect(heldOut.size).toBeGreaterThan(20);
    expect([...selection].filter((marker) => heldOut.has(marker))).toEqual([]);
    const calibration = unwrap(calibrationWindows(tokenizer, folder, sizes));
    expect(calibration.map(({ domain }) => domain)).toEqual([
      'prose',
      'instructions',
      'multiple-choice',
      'ui-steps',
    ]);
    for (const marker of markers(calibration.flatMap(({ windows }) => windows)))
      expect(selection.has(marker) || heldOut.has(marker)).toBe(false);
    fc.assert(
      fc.property(fc.nat(100_000), (index) => {
        const seen = [...markers([stream.window(index)])];
        expect(seen.length).toBeGreaterThan(0);
        expect(seen.filter((marker) => selection.has(marker) || heldOut.has(marker))).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it('hold every item once', () => {
    const all = SLICES.flatMap((slice) => unwrap(sliceItems(folder, slice)).flatMap(({ items }) => items));
    expect(new Set(all.map(({ context }) => context)).size).toBe(120 + 40);
    expect(all).toHaveLength(120 + 40);
  });

  it('keep apps for evaluation out of training', () => {
    const apps = unwrap(sliceItems(folder, 'heldOut'))
      .filter(({ domain }) => domain === 'ui-steps')
      .flatMap(({ items }) => items.map(({ context }) => /d([a-z]+)\d+d/.exec(context)?.[1]));
    expect(new Set(apps)).toEqual(new Set(['messenger', 'dialer']));
    expect(apps).toHaveLength(16);
  });

  it('put a question in one slice however it is written', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{1,8}( [a-z]{1,8}){0,6}$/), (question) => {
        expect(sliceByHash(` ${question.toUpperCase().replaceAll(' ', '  ')}?`)).toBe(
          sliceByHash(`\n${question}.`),
        );
      }),
    );
  });

  it('lose no prose', () => {
    fc.assert(
      fc.property(fc.array(fc.lorem({ maxCount: 30 }), { minLength: 1, maxLength: 30 }), (paragraphs) => {
        const text = paragraphs.join('\n\n');
        const slices = sliceProse(text);
        const characters = SLICES.flatMap((slice) => slices[slice]).join('').length;
        expect(characters).toBe(text.length);
        expect(slices.training.join('').length).toBeGreaterThan(0);
      }),
    );
  });
});

describe('recoveryStream', () => {
  const open = (seed: number, windowTokens = 160) =>
    unwrap(recoveryStream(tokenizer, folder, { windowTokens, seed }));

  it('is a pure function of seed and index, whatever was asked before', () => {
    const first = open(7);
    const ahead = [5, 0, 3].map((index) => first.window(index));
    const second = open(7);
    expect([0, 3, 5].map((index) => second.window(index))).toEqual([ahead[1], ahead[2], ahead[0]]);
    expect(open(8).window(0)).not.toEqual(ahead[1]);
    expect(second.sha256).toBe(first.sha256);
  });

  it('fills windows, and weighs no prediction across documents', () => {
    const stream = open(1);
    fc.assert(
      fc.property(fc.nat(10_000), (index) => {
        const { ids, lossWeights, documents } = stream.window(index);
        expect([ids.length, lossWeights.length, documents.length]).toEqual([160, 160, 160]);
        expect(documents[0]).toBe(0);
        const steps = [...documents].slice(1).map((document, at) => document - (documents[at] ?? 0));
        expect(steps.filter((step) => step !== 0 && step !== 1)).toEqual([]);
        expect(steps.filter((step, at) => step === 1 && lossWeights[at] !== 0)).toEqual([]);
        expect(lossWeights[ids.length - 1]).toBe(0);
        expect(ids.every((id) => id >= 0)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('comes near the mix that is asked for', () => {
    const stream = unwrap(
      recoveryStream(tokenizer, folder, {
        windowTokens: 400,
        seed: 2,
        mix: { prose: 0.25, instructions: 0.25, 'multiple-choice': 0.5, 'ui-steps': 0 },
      }),
    );
    const tokens = { w: 0, g: 0, a: 0, d: 0 };
    for (let index = 0; index < 80; index++) {
      const { ids, documents } = stream.window(index);
      for (let n = 0; n <= Math.max(...documents); n++) {
        const part = [...ids].filter((_, at) => documents[at] === n);
        const kind = /([wga])\d+[wga]|(d)[a-z]+\d+d/.exec(decoder.decode(part));
        const letter = (kind?.[1] ?? kind?.[2] ?? 'w') as keyof typeof tokens;
        tokens[letter] += part.length;
      }
    }
    const total = tokens.w + tokens.g + tokens.a;
    expect(tokens.d).toBe(0);
    expect(tokens.a / total).toBeGreaterThan(0.43);
    expect(tokens.a / total).toBeLessThan(0.57);
    expect(tokens.g / total).toBeGreaterThan(0.17);
    expect(tokens.w / total).toBeGreaterThan(0.17);
    expect(stream.name).toContain('50 % multiple-choice');
  });

  it('never cuts an item, so that its answer is always seen', () => {
    const stream = unwrap(
      recoveryStream(tokenizer, folder, { windowTokens: 100, seed: 2, mix: { prose: 0, instructions: 0 } }),
    );
    let items = 0;
    for (let index = 0; index < 100; index++)
      for (const line of textOf(stream.window(index)).matchAll(
        /Question: (a\d+a)\?\nAnswer: ?(.*?)<\|im_end/g,
      )) {
        expect(line[2]).toBe(line[1]);
        items += 1;
      }
    expect(items).toBeGreaterThan(100);
  });

  it("reads Bungee's own pages where there is no data, and says so", () => {
    const stream = unwrap(recoveryStream(tokenizer, null, { windowTokens: 128, seed: 0 }));
    expect(stream.name).toContain("Bungee's own text");
    expect(stream.window(4).ids).toHaveLength(128);
    for (const windows of [calibrationWindows, selectionWindows, heldOutWindows]) {
      const [prose] = unwrap(windows(tokenizer, null, { windowTokens: 512, windowsPerDomain: 2 }));
      expect(prose?.windows.length).toBeGreaterThan(0);
      expect(prose?.name).toContain("Bungee's own text");
    }
  });

  it('changes its hash with any file, and fails on a file it cannot understand', () => {
    const copy = mkdtempSync(join(tmpdir(), 'bungee-streams-'));
    try {
      mkdirSync(join(copy, 'instruct'));
      const path = join(copy, 'instruct', 'gsm8k-train.jsonl');
      const hashOf = (content: string): string => {
        writeFileSync(path, content);
        return unwrap(openCorpus(copy)).sha256;
      };
      expect(hashOf('{"question":"a","answer":"b"}')).not.toBe(hashOf('{"question":"a","answer":"c"}'));
      writeFileSync(path, '{"question":"a"}');
      const broken = recoveryStream(tokenizer, copy, { windowTokens: 64, seed: 0 });
      expect(broken.ok ? '' : broken.failure.message).toMatch(/gsm8k-train.jsonl line 1/);
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
    const none = openCorpus(join(folder, 'nowhere'));
    expect(none.ok ? '' : none.failure.code).toBe('data-unreadable');
  });
});

describe('chances of a mix', () => {
  it('give long and short documents the tokens they are to have', () => {
    const samples = [
      { tokens: [20, 30], mayBeCut: false, share: 0.5 },
      { tokens: [300, 480], mayBeCut: false, share: 0.3 },
      { tokens: [150, 900], mayBeCut: true, share: 0.2 },
    ];
    const chances = mixChances(samples, 0.2, 512);
    const random = seededRandom(99);
    const given = [0, 0, 0];
    let filler = 0;
    for (let window = 0; window < 4000; window++) {
      let room = 512;
      for (let misses = 0; room > 0 && misses < TRIES;) {
        const at = pickByChance(chances.draw, random);
        const sample = samples[at];
        const tokens = sample?.tokens[random() < 0.5 ? 0 : 1] ?? 0;
        if (sample && fitsRoom(tokens, sample.mayBeCut, room)) {
          given[at] = (given[at] ?? 0) + Math.min(room, tokens);
          room -= Math.min(room, tokens);
        } else misses += 1;
      }
      filler += room;
    }
    const total = given.reduce((sum, tokens) => sum + tokens, 0);
    samples.forEach(({ share }, at) => {
      expect(Math.abs((given[at] ?? 0) / total - share)).toBeLessThan(0.04);
    });
    const rest = filler / (total + filler);
    expect(chances.proseWindow + (1 - chances.proseWindow) * rest).toBeCloseTo(0.2, 1);
  });

  it('are all prose where nothing else is', () => {
    expect(mixChances([], 0.3, 512)).toEqual({ draw: [], proseWindow: 1 });
  });
});

describe('documents as tokens', () => {
  it('weigh words of the template 0, prompt and response as asked', () => {
    const encoder = unwrap(
      documentEncoder(tokenizer, { prompt: 0.5, response: 2, itemContext: 0, itemAnswer: 4 }),
    );
    const { ids, weights } = encoder.encodeDocument({ kind: 'chat', prompt: 'XYZ', text: 'QRS' });
    const weighed = (weight: number): string =>
      decoder.decode(
        [...ids].filter((_, at) => weights[at] === weight),
        { skip_special_tokens: false },
      );
    expect(weighed(0)).toMatch(/<\|im_start\|>user\n$/);
    expect(weighed(0.5)).toMatch(/^XYZ<\|im_end\|>/);
    expect(weighed(2)).toBe('QRS<|im_end|>');
  });

  it('weigh the tokens of the right choice, which is asked for exactly as evaluation does', () => {
    const encoder = unwrap(documentEncoder(tokenizer));
    const item = { context: 'Question: Which?\nAnswer:', choices: ['the one', 'on the other'], gold: 1 };
    const { ids, weights } = encoder.encodeDocument({ kind: 'item', item });
    const answer = [...ids].filter((_, at) => weights[at] === 4);
    expect(decoder.decode(answer, { skip_special_tokens: false })).toBe(' on the other<|im_end|>');
    expect(encoder.encodeText(item.context)).toEqual([...ids].slice(0, ids.length - answer.length));
  });

  it('refuse a template that cannot render a talk', () => {
    const result = documentEncoder({ ...tokenizer, chatTemplate: "{{ raise_exception('no') }}" });
    expect(result.ok ? '' : result.failure.code).toBe('chat-template');
  });
});

const data = dataFolder();
if (data === null) console.warn('No data folder (BUNGEE_DATA): streams are not tried on the public sets.');
describe.skipIf(data === null)('the public training data', () => {
  it('is cut into slices that share no question and no text', { timeout: 120_000 }, () => {
    const { sources } = unwrap(openCorpus(data));
    expect(sources).toHaveLength(12);
    const sliceOf = new Map<string, string>();
    const shared: string[] = [];
    for (const { domain, slices } of sources)
      for (const slice of SLICES) {
        if (slices[slice].length === 0) shared.push(`nothing in ${domain} ${slice}`);
        for (const document of slices[slice]) {
          if (document.kind === 'prose' || domain === 'ui-steps') continue;
          const key = document.kind === 'chat' ? document.prompt : document.item.context;
          if ((sliceOf.get(key) ?? slice) !== slice) shared.push(key);
          sliceOf.set(key, slice);
        }
      }
    expect(shared).toEqual([]);
    expect(sliceOf.size).toBeGreaterThan(30_000);
  });
});
