import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { BundleManifest } from '../../core/bundle-manifest.ts';
import {
  fileAccuracySchema,
  parseQualityCard,
  QUALITY_CARD_FILE,
  type Comparison,
} from '../../core/quality-card.ts';
import { unwrap } from '../../core/result.ts';
import { elasticize } from '../../offline/elasticize.ts';
import {
  DEFAULT_LIMITS,
  evaluateLevels,
  measureComparison,
  measureQualityCard,
  openLevels,
  openModelText,
  readEvaluationSet,
  withComparisons,
} from '../../offline/evaluation/index.ts';
import { tinySourceModel } from '../../offline/sources/tiny-model.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'bungee-evaluate-'));
const builtTo = join(root, '.cache', 'test-evaluate', String(process.pid));
const command = join(builtTo, 'scripts', 'evaluate.mjs');
const at = (name: string): string => join(folder, name);
const bundles = { int8: at('int8'), f32: at('f32') };
const manifests: BundleManifest[] = [];

const TEXT = 'The sea was calm and the boat went on. Nobody on it said a word. '.repeat(40);
const files = {
  'prose.txt': TEXT,
  'chat.jsonl': [1, 2, 3]
    .map((n) => JSON.stringify({ prompt: `Count to ${n}.`, response: 'One, two, three and so on.' }))
    .join('\n'),
  'arc.jsonl': [0, 1, 2, 3, 4]
    .map((gold) =>
      JSON.stringify({
        query: `Question: what is ${gold}?`,
        choices: ['none', 'one of them', 'two', 'the third', 'four'],
        gold,
      }),
    )
    .join('\n'),
  'tasks.json': JSON.stringify(
    Object.fromEntries(
      ['dialer', 'messenger'].map((app, i) => [
        app,
        {
          t1: {
            task: `Call ${app}`,
            profile: [
              {
                state: '<button id=0>Call</button>\n<button id=1>Back</button>\n<p id=2>Name</p>',
                history: '\n- Start the app.',
                label: [i, 'null'],
              },
              { state: '<button id=0>Done</button>', history: '\n- TapOn', label: [-1, 'null'] },
            ],
          },
        },
      ]),
    ),
  ),
  'broken.jsonl': '{"query": "Question: a?", "choices": ["x", "y"], "gold": 0}\n{"query": 5}\n',
  'empty.txt': ' \n',
};

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function evaluate(...args: string[]): Promise<Ended> {
  return new Promise((done) => {
    const child = spawn(process.execPath, [command, 'levels', ...args]);
    const [out, error]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => error.push(chunk));
    child.on('close', (status) =>
      done({ status, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(error).toString() }),
    );
  });
}

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

beforeAll(async () => {
  await build({
    absWorkingDir: root,
    entryPoints: ['scripts/evaluate.ts'],
    outfile: command,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    logLevel: 'warning',
  });
  for (const [name, content] of Object.entries(files)) writeFileSync(at(name), content);
  for (const variant of ['f32', 'int8'] as const)
    manifests.push(
      unwrap(
        await elasticize({
          model: tinySourceModel({ seed: 33 }),
          out: bundles[variant],
          variant,
          dataFolder: null,
        }),
      ),
    );
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  rmSync(builtTo, { recursive: true, force: true });
});

describe('evaluate levels --json', () => {
  it('prints one object with perplexity, KL and accuracy of every level on every file, and progress apart', async () => {
    const { status, stdout, stderr } = await evaluate(
      ...['--bundle', bundles.int8, '--json', '--text', at('prose.txt'), at('chat.jsonl')],
      ...['--multiple-choice', at('arc.jsonl'), '--droidtask', at('tasks.json'), '--limit', '3'],
      ...['--windows', '2', '--window-tokens', '64'],
    );
    expect(stderr).toMatch(/100 % /);
    expect(status).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(1);
    const output = outputSchema.parse(JSON.parse(stdout));
    expect(output.levels.map(({ level }) => level)).toEqual([20, 30, 40, 50, 60, 70, 80, 90, 100]);
    for (const { variant, perplexity, kl, accuracy } of output.levels) {
      expect(variant).toBe('int8');
      expect(Object.keys(perplexity)).toEqual([at('prose.txt'), at('chat.jsonl')]);
      expect(Object.values(perplexity).every((value) => value > 1)).toBe(true);
      expect(Object.keys(kl)).toEqual(Object.keys(perplexity));
      expect(accuracy[at('arc.jsonl')]?.n).toBe(3);
      expect(Object.keys(accuracy[at('tasks.json')]?.byApp ?? {})).toEqual(['dialer', 'messenger']);
    }
    expect(Object.values(output.levels.at(-1)?.kl ?? {})).toEqual([0, 0]);
    expect(output.levels[0]?.kl[at('prose.txt')]).toBeGreaterThan(0);
    expect(output.inputs.map(({ pieces }) => pieces)).toEqual([2, 3, 3, 2]);
    expect(output.inputs[2]?.sampling).toBe('3 of 5 items, evenly spread in file order');
    expect(output).toMatchObject({ control: null, baselines: [] });
    expect(output.cardNote).toContain(QUALITY_CARD_FILE);
  });

  it.each([
    ['a file that is not there', ['--text', 'nowhere.txt'], /nowhere\.txt cannot be read/],
    ['a line of another form', ['--multiple-choice', at('broken.jsonl')], /broken\.jsonl line 2/],
    ['a text without text', ['--text', at('empty.txt')], /empty\.txt holds no text/],
    ['tasks that are none', ['--droidtask', at('arc.jsonl')], /arc\.jsonl is not valid JSON/],
    ['an app that is not there', ['--droidtask', at('tasks.json'), '--apps', 'camera'], /no steps of camera/],
    ['no file at all', [], /--text/],
  ])('refuses %s with one line', async (_, args, expected) => {
    const { status, stdout, stderr } = await evaluate('--bundle', bundles.int8, '--json', ...args);
    expect(stderr).toMatch(expected);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect([status, stdout]).toEqual([1, '']);
  });

  it('refuses a folder that is no bundle with one line, and wrong arguments with exit 2', async () => {
    const { status, stderr } = await evaluate('--bundle', folder, '--text', at('prose.txt'));
    expect([status, stderr.trim().split('\n').length]).toEqual([1, 1]);
    expect(stderr).toContain('--bundle');
    expect((await evaluate('--bundle', bundles.int8, '--levels', '55')).status).toBe(2);
  });
});

describe('levels of a bundle', () => {
  const inputs = { texts: [{ name: 'prose', path: at('prose.txt') }] };
  const setOf = (manifest: BundleManifest) =>
    unwrap(
      readEvaluationSet(inputs, unwrap(openModelText(bundles.int8, manifest)), {
        ...DEFAULT_LIMITS,
        windowTokens: 48,
        windows: 2,
      }),
    );

  it('are the same whether all are measured or one', async () => {
    const manifest = manifests[1] as BundleManifest;
    const options = { folder: bundles.int8, manifest, set: setOf(manifest) };
    const all = unwrap(await evaluateLevels(options));
    const one = unwrap(await evaluateLevels({ ...options, levels: [40] }));
    expect(one.levels).toEqual(all.levels.filter(({ level }) => level === 40));
  });

  it('see no window longer than the model takes', () => {
    const manifest = manifests[1] as BundleManifest;
    const text = unwrap(openModelText(bundles.int8, manifest));
    const limits = { ...DEFAULT_LIMITS, windowTokens: 4096 };
    const [part] = unwrap(readEvaluationSet(inputs, text, limits)).texts;
    expect(part?.windows[0]?.ids).toHaveLength(manifest.model.contextLength);
    expect(part?.about.sampling).toContain(`${manifest.model.contextLength} tokens`);
  });

  it('can be cancelled', async () => {
    const manifest = manifests[1] as BundleManifest;
    const abort = new AbortController();
    const options = { folder: bundles.int8, manifest, set: setOf(manifest) };
    const result = await evaluateLevels(options, () => abort.abort(), abort.signal);
    expect(result).toMatchObject({ ok: false, failure: { code: 'cancelled' } });
  });

  it('fill a card for f32 and the shipped variant, which the command shows', async () => {
    const [f32, int8] = manifests as [BundleManifest, BundleManifest];
    const set = setOf(int8);
    const card = unwrap(
      await measureQualityCard({
        model: { name: f32.name, sha256: f32.madeBy.source.sha256 },
        bundles: [
          { folder: bundles.f32, manifest: f32 },
          { folder: bundles.int8, manifest: int8 },
        ],
        set,
        recovery: () => null,
      }),
    );
    const opened = unwrap(await openLevels(bundles.f32, f32));
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
      [f32, int8].map(({ files: own }) => own.find(({ path }) => path === 'weights.bin')?.sha256),
    );
    for (const { figures } of read.levels) expect(Object.keys(figures)).toEqual(['f32', 'int8']);
    expect(read.control?.figures).toEqual(read.levels.at(-1)?.figures.f32);
    expect(read.baselines[0]?.figures).toEqual(read.levels[3]?.figures.f32);

    writeFileSync(join(bundles.int8, QUALITY_CARD_FILE), written);
    const { stdout } = await evaluate(
      ...['--bundle', bundles.int8, '--json', '--levels', '20', '--text', at('prose.txt')],
      ...['--windows', '2', '--window-tokens', '48'],
    );
    rmSync(join(bundles.int8, QUALITY_CARD_FILE));
    const output = outputSchema.parse(JSON.parse(stdout));
    expect(output).toMatchObject({ control: read.control, baselines: read.baselines, cardNote: null });
    expect(output.levels[0]?.perplexity[at('prose.txt')]).toBeCloseTo(
      read.levels[0]?.figures.int8?.perplexity['prose'] ?? 0,
      9,
    );
  });
});
