import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../../core/result.ts';
import { BUILT_IN_TRAINING, learningRateAt } from '../../offline/built-in/built-in-model.ts';
import { cutTokenizer } from '../../offline/built-in/cut-tokenizer.ts';
import { LICENSED_TEXTS, readLicensedTexts } from '../../offline/built-in/licensed-text.ts';
import { splitDocuments, TokenWindows, trainingOrder } from '../../offline/built-in/token-windows.ts';
import { tinyTokenizer } from '../../offline/sources/tiny-tokenizer.ts';
import { temporaryFolder } from './support/test-files.ts';

/** Special tokens and bytes. */
const SMALLEST = 259;

describe('a tokenizer cut to fewer merges', () => {
  const cut = (vocabSize: number): Tokenizer =>
    new Tokenizer(JSON.parse(cutTokenizer(tinyTokenizer(), vocabSize).json), {
      clean_up_tokenization_spaces: false,
    });

  it('keeps the first merges, in their order, and no other', () => {
    const { model } = JSON.parse(cutTokenizer(tinyTokenizer(), SMALLEST + 3).json) as {
      model: { vocab: Record<string, number>; merges: string[] };
    };
    expect(model.merges).toEqual(['Ġ t', 'h e', 'Ġt he']);
    expect(model.vocab['Ġthe']).toBe(SMALLEST + 2);
  });

  it('gives back every text', () => {
    const tokenizer = cut(SMALLEST + 8);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
        const { ids } = tokenizer.encode(text);
        expect(tokenizer.decode(ids, { skip_special_tokens: false })).toBe(text);
      }),
      { numRuns: 100 },
    );
  });

  it('has the special tokens of ChatML as one id each', () => {
    expect(cut(SMALLEST).encode('<|im_start|><|im_end|><|endoftext|>').ids).toEqual([1, 2, 0]);
  });

  it('is refused where the tokenizer has too few merges', () => {
    expect(() => cutTokenizer(tinyTokenizer(), 4096)).toThrow(/not for 4096/);
  });
});

describe('token windows', () => {
  const windows = new TokenWindows(
    [
      [1, 2, 3],
      [4, 5],
      [6, 7, 8, 9],
    ],
    4,
  );

  it('run over documents, but nothing is predicted across them', () => {
    expect(windows.count).toBe(2);
    expect([...windows.window(0).ids]).toEqual([1, 2, 3, 4]);
    expect([...windows.window(0).lossWeights]).toEqual([1, 1, 0, 0]);
    expect([...windows.window(1).documents]).toEqual([1, 2, 2, 2]);
    expect([...windows.window(1).lossWeights]).toEqual([0, 1, 1, 0]);
  });

  it('come once per epoch, in an order that depends on seed and position only', () => {
    const epoch = (from: number, seed = 3): number[] => {
      const order = trainingOrder(50, seed);
      return Array.from({ length: 50 }, (_, i) => order(from + i));
    };
    expect([...epoch(0)].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(epoch(50)).not.toEqual(epoch(0));
    expect(epoch(0, 4)).not.toEqual(epoch(0));
    expect(trainingOrder(50, 3)(73)).toBe(epoch(50)[23]);
  });

  it('are held out by whole documents', () => {
    const documents = Array.from({ length: 40 }, (_, i) => [i, i, i]);
    const { heldOut, training } = splitDocuments(documents, 20, 1);
    expect(heldOut.length).toBe(7);
    expect([...heldOut, ...training].map(([id]) => id).sort((a = 0, b = 0) => a - b)).toEqual(
      documents.map(([id]) => id),
    );
  });
});

describe('the learning rate', () => {
  it('rises, stays, falls to nothing, and depends on the number of steps only when it falls', () => {
    const settings = { ...BUILT_IN_TRAINING, steps: 1000, warmUpSteps: 50, decayShare: 0.2 };
    const longer = { ...settings, steps: 2000 };
    const peak = settings.learningRate;
    expect(learningRateAt(0, settings)).toBeCloseTo(peak / 50);
    expect(learningRateAt(49, settings)).toBe(peak);
    for (const step of [0, 20, 50, 400, 799])
      expect(learningRateAt(step, settings)).toBe(learningRateAt(step, longer));
    expect(learningRateAt(850, settings)).toBeCloseTo(peak / 2);
    expect(learningRateAt(999, settings)).toBeLessThan(peak / 100);
  });
});

describe('the text of the built-in model', () => {
  function dataFolder(): string {
    const folder = temporaryFolder();
    const write = (file: string, content: unknown): void => {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), JSON.stringify(content));
    };
    for (const { file } of LICENSED_TEXTS) {
      if (file.includes('droidtask')) continue;
      const record = { instruction: `ask ${file}`, input: '', output: 'reply' };
      write(file, file.endsWith('.jsonl') ? record : [record]);
    }
    const task = {
      task: 'open it',
      profile: [
        { state: '<button id=1>yes</button>\n<button id=2>no</button>', history: '', label: [1, null] },
      ],
    };
    write(
      'droidtask/tasks.json',
      Object.fromEntries(
        ['clock', 'messenger', 'dialer'].map((app) => [app, { a: { ...task, task: `open ${app}` } }]),
      ),
    );
    return folder;
  }

  it('is that of permissive licences, as talks, without the apps that are for evaluation', () => {
    const { documents } = unwrap(readLicensedTexts(dataFolder()));
    expect(documents).toHaveLength(LICENSED_TEXTS.length);
    expect(documents[0]).toBe(
      '<|im_start|>user\nask instruct/gpteacher-roleplay.json<|im_end|>\n<|im_start|>assistant\nreply<|im_end|>\n',
    );
    expect(documents.filter((text) => text.includes('Task: open'))).toEqual([
      expect.stringMatching(/^Task: open clock\n[^]*<button>yes<\/button><\|endoftext\|>$/),
    ]);
    for (const { file, licence } of LICENSED_TEXTS) {
      expect(file).not.toMatch(/wikitext|dolly|multiple-choice|octopus|llamatouch/);
      expect(['MIT', 'Apache-2.0']).toContain(licence);
    }
  });

  it('names the file that is missing', () => {
    const result = readLicensedTexts(temporaryFolder());
    expect(result.ok ? '' : result.failure.message).toContain('gpteacher-roleplay.json');
  });
});
