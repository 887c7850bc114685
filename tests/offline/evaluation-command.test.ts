import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  fileAccuracySchema,
  parseQualityCard,
  QUALITY_CARD_FILE,
  type Comparison,
} from '../../core/quality-card.ts';
import { unwrap } from '../../core/result.ts';
import {
  measureComparison,
  measureQualityCard,
  openLevels,
  withComparisons,
} from '../../offline/evaluation/index.ts';
import { buildEvaluate, type BuiltEvaluate } from './support/built-evaluate.ts';
import { openEvaluationLab, type EvaluationLab } from './support/evaluation-lab.ts';

const outputSchema = z.object({
  levels: z.array(
    z.object({
      level: z.number(),
      decoderRatio: z.number(),
      totalRatio: z.number(),
      variant: z.string(),
      perplexity: z.record(z.string(), z.number()),
      kl: z.record(z.string(), z.number()),
      accuracy: z.record(z.string(), fileAccuracySchema),
    }),
  ),
  control: z.unknown(),
  baselines: z.array(z.unknown()),
  cardNote: z.string().nullable(),
  inputs: z.array(z.object({ name: z.string(), pieces: z.number(), sampling: z.string() })),
  environment: z.object({ cpu: z.string(), onnxruntime: z.string() }),
  seconds: z.number(),
  tokens: z.number(),
});

let lab: EvaluationLab;
let built: BuiltEvaluate;
const evaluate: BuiltEvaluate['run'] = (...args) => built.run(...args);
beforeAll(async () => {
  built = await buildEvaluate('levels');
  lab = await openEvaluationLab();
});
afterAll(() => {
  lab.close();
  built.close();
});

describe('evaluate levels --json', () => {
  it('prints one object with perplexity, KL and accuracy of every level on every file, and progress apart', async () => {
    const { status, stdout, stderr } = await evaluate(
      ...['--bundle', lab.int8.folder, '--json', '--text', lab.at('prose.txt'), lab.at('chat.jsonl')],
      ...['--multiple-choice', lab.at('arc.jsonl'), '--droidtask', lab.at('tasks.json'), '--limit', '3'],
      ...['--windows', '2', '--window-tokens', '64'],
    );
    expect(stderr).toMatch(/100 % /);
    expect(status).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(1);
    const output = outputSchema.parse(JSON.parse(stdout));
    expect(output.levels.map(({ level }) => level)).toEqual([20, 30, 40, 50, 60, 70, 80, 90, 100]);
    for (const { variant, perplexity, kl, accuracy } of output.levels) {
      expect(variant).toBe('int8');
      expect(Object.keys(perplexity)).toEqual([lab.at('prose.txt'), lab.at('chat.jsonl')]);
      expect(Object.values(perplexity).every((value) => value > 1)).toBe(true);
      expect(Object.keys(kl)).toEqual(Object.keys(perplexity));
      expect(accuracy[lab.at('arc.jsonl')]?.n).toBe(3);
      expect(Object.keys(accuracy[lab.at('tasks.json')]?.byApp ?? {})).toEqual(['dialer', 'messenger']);
    }
    expect(Object.values(output.levels.at(-1)?.kl ?? {})).toEqual([0, 0]);
    expect(output.levels[0]?.kl[lab.at('prose.txt')]).toBeGreaterThan(0);
    expect(output.inputs.map(({ pieces }) => pieces)).toEqual([2, 3, 3, 2]);
    expect(output.inputs[2]?.sampling).toBe('3 of 5 items, evenly spread in file order');
    expect(output).toMatchObject({ control: null, baselines: [] });
    expect(output.cardNote).toContain(QUALITY_CARD_FILE);
  });

  it.each([
    ['a file that is not there', ['--text', 'nowhere.txt'], /nowhere\.txt cannot be read/],
    ['a line of another form', ['--multiple-choice', 'broken.jsonl'], /broken\.jsonl line 2/],
    ['a text without text', ['--text', 'empty.txt'], /empty\.txt holds no text/],
    ['tasks that are none', ['--droidtask', 'arc.jsonl'], /arc\.jsonl is not valid JSON/],
    ['an app that is not there', ['--droidtask', 'tasks.json', '--apps', 'camera'], /no steps of camera/],
    ['no file at all', [], /--text/],
  ])('refuses %s with one line', async (_, args, expected) => {
    const paths = args.map((each) => (/\.(txt|jsonl|json)$/.test(each) ? lab.at(each) : each));
    const { status, stdout, stderr } = await evaluate('--bundle', lab.int8.folder, '--json', ...paths);
    expect(stderr).toMatch(expected);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect([status, stdout]).toEqual([1, '']);
  });

  it('refuses a folder that is no bundle with one line, and wrong arguments with exit 2', async () => {
    const { status, stderr } = await evaluate('--bundle', lab.folder, '--text', lab.at('prose.txt'));
    expect([status, stderr.trim().split('\n').length]).toEqual([1, 1]);
    expect(stderr).toContain('--bundle');
    expect((await evaluate('--bundle', lab.int8.folder, '--levels', '55')).status).toBe(2);
  });
});

describe('a quality card', () => {
  it('holds f32 and the shipped variant, and the command shows it', async () => {
    const { f32, int8 } = lab;
    const set = lab.proseSet();
    const card = unwrap(
      await measureQualityCard({
        model: { name: f32.manifest.name, sha256: f32.manifest.madeBy.source.sha256 },
        bundles: [f32, int8],
        set,
        recovery: () => null,
      }),
    );
    const opened = unwrap(await openLevels(f32.folder, f32.manifest));
    const sources = opened.levels.map(({ source }) => source);
    const comparisons: Comparison[] = [];
    for (const [kind, index] of [
      ['full', 8],
      ['layer-dropping', 3],
    ] as const)
      comparisons.push(
        await measureComparison(
          { kind, level: 100, decoderRatio: 1, recovery: null, variant: 'f32' },
          sources[index] as (typeof sources)[number],
          sources[8] as (typeof sources)[number],
          set,
        ),
      );
    await opened.close();
    const written = `${JSON.stringify(withComparisons(card, comparisons))}\n`;
    const read = unwrap(parseQualityCard(written, 'card'));
    expect(read.shippedVariant).toBe('int8');
    expect(read.measuredOn.map(({ weightsSha256 }) => weightsSha256)).toEqual(
      [f32, int8].map(({ manifest }) => manifest.files.find(({ path }) => path === 'weights.bin')?.sha256),
    );
    for (const { figures } of read.levels) expect(Object.keys(figures)).toEqual(['f32', 'int8']);
    expect(read.control?.figures).toEqual(read.levels.at(-1)?.figures.f32);
    expect(read.baselines[0]?.figures).toEqual(read.levels[3]?.figures.f32);
    const [, dropped] = comparisons as [Comparison, Comparison];
    const further = withComparisons(read, [
      { ...dropped, note: 'anew' },
      { ...dropped, level: 80 },
    ]);
    expect(further.control).toEqual(read.control);
    expect(further.baselines.map(({ level, note }) => [level, note])).toEqual([
      [100, 'anew'],
      [80, undefined],
    ]);

    writeFileSync(join(int8.folder, QUALITY_CARD_FILE), written);
    const { stdout } = await evaluate(
      ...['--bundle', int8.folder, '--json', '--levels', '20', '--text', lab.at('prose.txt')],
      ...['--windows', '2', '--window-tokens', '48'],
    );
    rmSync(join(int8.folder, QUALITY_CARD_FILE));
    const output = outputSchema.parse(JSON.parse(stdout));
    expect(output).toMatchObject({ control: read.control, baselines: read.baselines, cardNote: null });
    expect(output.levels[0]?.perplexity[lab.at('prose.txt')]).toBeCloseTo(
      read.levels[0]?.figures.int8?.perplexity['prose'] ?? 0,
      9,
    );
  });
});
