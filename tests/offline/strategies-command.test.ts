import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { unwrap } from '../../core/result.ts';
import { elasticize } from '../../offline/elasticize.ts';
import { readRecipe } from '../../offline/recipe/read-recipe.ts';
import { withTlm } from '../../offline/recipe/with-tlm.ts';
import { tinySourceModel } from '../../offline/sources/tiny-model.ts';
import { tinyTlm } from '../../offline/tlm/tiny-tlm.ts';
import { buildEvaluate, type BuiltEvaluate } from './support/built-evaluate.ts';
import { lawfulProfile } from './support/strategy-situations.ts';

const folder = mkdtempSync(join(tmpdir(), 'bungee-strategies-'));
const at = (name: string): string => join(folder, name);

const choices = ['a cat', 'a dog', 'the sea'];
const files: Record<string, string> = {
  'quiz.jsonl': Array.from({ length: 16 }, (_, i) =>
    JSON.stringify({ query: `Question: what is number ${i}?`, choices, gold: i % 3 }),
  ).join('\n'),
  'octopus.csv': Array.from(
    { length: 16 },
    (_, i) => `Do thing ${i},send mail,take photo,${'AB'[i % 2]}`,
  ).join('\n'),
  'touch.tsv': [
    'description\tapp',
    ...Array.from({ length: 16 }, (_, i) => `Open ${i}\t${['Mail', 'Maps', 'Clock'][i % 3]}`),
  ].join('\n'),
  'broken.jsonl': '{"query": 5}\n',
};

let built: BuiltEvaluate;
const strategies: BuiltEvaluate['run'] = (...args) => built.run(...args);

const contendersSchema = z.record(
  z.string(),
  z.object({
    accuracy: z.number(),
    stderr: z.number(),
    probability: z.number(),
    logProbability: z.number().max(0),
    attainment: z.number(),
    accuracyWithinSlo: z.number(),
  }),
);
const outputSchema = z.object({
  slos: z
    .array(z.object({ slo: z.object({ ttft: z.number(), tpot: z.number() }), contenders: contendersSchema }))
    .length(6),
  requests: z.number(),
  average: contendersSchema,
  perSet: z.record(z.string(), z.object({ requests: z.number(), figures: contendersSchema })),
  bestFixed: z.object({ policy: z.string(), aheadBy: z.number(), stderr: z.number() }),
  gapClosed: z.object({ toOracle: z.number().nullable(), toHindsight: z.number().nullable() }),
  inputs: z.array(z.object({ file: z.string(), requests: z.number() })),
  conventions: z.array(z.string()),
});

beforeAll(async () => {
  built = await buildEvaluate('strategies');
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(at(name)), { recursive: true });
    writeFileSync(at(name), content);
  }
  writeFileSync(at('profile.json'), JSON.stringify(lawfulProfile()));
  const model = tinySourceModel({ seed: 8, config: { contextLength: 900 } });
  unwrap(
    await elasticize({
      model,
      out: at('bare'),
      recipeOut: at('recipe-bare'),
      variant: 'f32',
      alsoRecord: ['f32'],
      dataFolder: null,
      command: 'elasticize',
    }),
  );
  const bare = unwrap(await readRecipe(at('recipe-bare')));
  const tlm = tinyTlm(model.config.hiddenSize);
  unwrap(await withTlm(bare, { model, tlm, data: [], command: 'train-tlm', out: at('recipe') }));
  const recipe = unwrap(await readRecipe(at('recipe')));
  unwrap(await elasticize({ model, out: at('bundle'), variant: 'f32', recipe, command: 'elasticize' }));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  built.close();
});

describe('evaluate strategies', () => {
  const data = ['quiz.jsonl', 'octopus.csv', 'touch.tsv'].map(at);
  const args = (): string[] => [
    ...['--bundle', at('bundle'), '--profile', at('profile.json'), '--limit', '1', '--work', at('work')],
    ...['--json', '--data', ...data],
  ];

  it('reads files of every form, tells every contender per SLO and set, and goes on from what was run', async () => {
    const first = await strategies(...args());
    expect(first.stderr).not.toContain('Error');
    expect(first.status).toBe(0);
    const output = outputSchema.parse(JSON.parse(first.stdout));
    expect(output.requests).toBe(3);
    expect(output.inputs.map(({ requests }) => requests)).toEqual([1, 1, 1]);
    expect(Object.keys(output.perSet).sort()).toEqual(['llamatouch', 'octopus', 'quiz']);
    const contenders = [
      ...['trained', 'guard-only', 'p-only', 'm-only', 'diagonal', 'random', 'oracle', 'hindsight'],
      ...['words: random', 'words: self-information', 'words: first-tokens'],
    ];
    for (const { contenders: own } of output.slos) {
      expect(Object.keys(own)).toEqual(contenders);
      for (const { accuracyWithinSlo } of Object.values(own))
        expect(accuracyWithinSlo).toBeLessThanOrEqual((own['oracle']?.accuracyWithinSlo ?? 0) + 1e-9);
    }
    const second = outputSchema.parse(JSON.parse((await strategies(...args())).stdout));
    expect(second).toEqual(output);
  }, 120_000);

  it('says what is wrong with a bundle without a TLM, and with a file', async () => {
    const bare = await strategies('--bundle', at('bare'), '--data', at('quiz.jsonl'));
    expect([bare.status, bare.stdout]).toEqual([1, '']);
    expect(bare.stderr).toMatch(/^bungee: .* has no TLM\..*train-tlm/m);
    const broken = await strategies('--bundle', at('bundle'), '--data', at('broken.jsonl'));
    expect(broken.status).toBe(1);
    expect(broken.stderr).toContain('broken.jsonl');
    const profile = await strategies(
      ...['--bundle', at('bundle'), '--data', at('quiz.jsonl'), '--profile', at('none.json')],
    );
    expect(profile.stderr).toContain('none.json cannot be read');
  });
});
