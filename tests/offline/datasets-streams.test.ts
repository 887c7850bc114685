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
} from '../../offline/datasets/measuring-windows.ts';
import { fitsRoom, mixChances, pickByChance, TRIES } from '../../offline/datasets/mix-chances.ts';
import { recoveryStream } from '../../offline/datasets/recovery-stream.ts';
import type { TrainingWindow } from '../../offline/datasets/window-packer.ts';
import { tinyTokenizer } from '../../offline/sources/tiny-tokenizer.ts';
import { markedDataFolder } from './support/marked-data-folder.ts';

const tokenizer = tinyTokenizer();
const decoder = new Tokenizer(JSON.parse(tokenizer.json), {});
const textOf = (window: TrainingWindow): string =>
  decoder.decode([...window.ids], { skip_special_tokens: false });

const folder = markedDataFolder();
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
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
