import { rmSync } from 'node:fs';
import { Tokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { unwrap } from '../../core/result.ts';
import { openCorpus } from '../../offline/datasets/corpus.ts';
import {
  calibrationWindows,
  heldOutWindows,
  selectionWindows,
  sliceItems,
} from '../../offline/datasets/measuring-windows.ts';
import { recoveryStream } from '../../offline/datasets/recovery-stream.ts';
import { SLICES, sliceByHash, sliceProse } from '../../offline/datasets/slices.ts';
import type { TrainingWindow } from '../../offline/datasets/window-packer.ts';
import { tinyTokenizer } from '../../offline/sources/tiny-tokenizer.ts';
import { dataFolder } from '../../scripts/shared/data-folder.ts';
import { MARKER, markedDataFolder } from './support/marked-data-folder.ts';

const tokenizer = tinyTokenizer();
const decoder = new Tokenizer(JSON.parse(tokenizer.json), {});
const textOf = (window: TrainingWindow): string =>
  decoder.decode([...window.ids], { skip_special_tokens: false });

const folder = markedDataFolder();
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

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

  it('are of training files only: the evaluation folders are not read', () => {
    const { files, sources } = unwrap(openCorpus(folder));
    expect(files.map(({ name }) => name)).toEqual([
      'wikitext-2/valid.txt',
      'instruct/gsm8k-train.jsonl',
      'multiple-choice-train/arc_easy.json',
      'droidtask/tasks.json',
    ]);
    expect(JSON.stringify(sources)).not.toContain('EVALUATION');
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
