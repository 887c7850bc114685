import { join } from 'node:path';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { InferenceSession } from 'onnxruntime-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { unwrap } from '../../core/result.ts';
import { tlmInputs, TLM_GRAPH, type TlmInputs } from '../../core/tlm.ts';
import { elasticize } from '../../offline/elasticize.ts';
import type { LoadedRecipe } from '../../offline/recipe/loaded-recipe.ts';
import { readRecipe } from '../../offline/recipe/read-recipe.ts';
import { tinySourceModel } from '../../offline/sources/tiny-model.ts';
import { WEIGHTS } from '../../offline/sources/source-model.ts';
import { EmbeddingRows } from '../../offline/tlm/embedding-rows.ts';
import { TINY_TLM_CONFIG } from '../../offline/tlm/tiny-tlm.ts';
import { decodeTlm, encodeTlm } from '../../offline/tlm/tlm-parameters.ts';
import { tlmFeeds, tlmOutputs, TlmRunner, type TlmOutputs } from '../../offline/tlm/tlm-runner.ts';
import { randomEmbedding, randomExample, randomTlmParameters, TINY_TLM } from './support/tlm-examples.ts';
import { referenceTlm } from './support/tlm-reference.ts';

const VOCABULARY = 40;
const SIZE = 16;
const table = randomEmbedding(VOCABULARY, SIZE, 3);
const parameters = randomTlmParameters(TINY_TLM, SIZE, 7);
const config = { ...TINY_TLM, sharedLayers: 2 };
const deep = randomTlmParameters(config, SIZE, 8);
const scratch = mkdtempSync(join(tmpdir(), 'tlm-graph-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function run(inputs: TlmInputs, shape = TINY_TLM, values = parameters): Promise<TlmOutputs> {
  const runner = await TlmRunner.open({
    config: shape,
    embedding: new EmbeddingRows(table.slice(), SIZE),
    parameters: values,
  });
  const outputs = await runner.run(inputs);
  await runner.close();
  return outputs;
}

function expectClose(actual: ArrayLike<number>, expected: readonly number[], digits = 4): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) expect(actual[i], `element ${i}`).toBeCloseTo(value, digits);
}

test.each([1, 8, 9, 27])(
  'the device graph computes the network position by position, %i tokens',
  async (tokens) => {
    const { inputs } = randomExample({ tokens, vocabulary: VOCABULARY, seed: tokens });
    const expected = referenceTlm(config, deep, { table, size: SIZE }, inputs);
    const { scores, promptLogits, levelLogits } = await run(inputs, config, deep);
    expectClose(scores, expected.scores);
    expectClose(promptLogits, expected.prompt);
    expectClose(levelLogits, expected.level);
  },
);

test('heads without layers of their own read the shared ones', async () => {
  const flat = { ...TINY_TLM, scoreLayers: 0, decisionLayers: 0 };
  const values = randomTlmParameters(flat, SIZE, 9);
  const { inputs } = randomExample({ tokens: 12, vocabulary: VOCABULARY, seed: 4 });
  const expected = referenceTlm(flat, values, { table, size: SIZE }, inputs);
  const outputs = await run(inputs, flat, values);
  expectClose(outputs.scores, expected.scores);
  expectClose(outputs.levelLogits, expected.level);
});

test('padding changes nothing: neither its ids nor how much of it there is', async () => {
  const { inputs } = randomExample({ tokens: 5, vocabulary: VOCABULARY, seed: 2 });
  const padded: TlmInputs = {
    rows: 1,
    width: 8,
    inputIds: BigInt64Array.of(...inputs.inputIds, 9n, 3n, 30n),
    roles: BigInt64Array.of(...inputs.roles, 0n, 0n, 0n),
    slo: inputs.slo,
  };
  const [bare, long] = [await run(inputs), await run(padded)];
  expectClose(long.scores.slice(0, 5), [...bare.scores]);
  expectClose(long.promptLogits, [...bare.promptLogits]);
  expectClose(long.levelLogits, [...bare.levelLogits]);
});

test('roles, the SLO and the place in the row reach both heads', async () => {
  const { inputs } = randomExample({ tokens: 6, vocabulary: VOCABULARY, seed: 5 });
  const before = await run(inputs);
  const changed: TlmInputs[] = [
    { ...inputs, roles: inputs.roles.with(0, 2n) },
    { ...inputs, slo: BigInt64Array.of(inputs.slo[0] === 1n ? 2n : 1n, inputs.slo[1] ?? 0n) },
    { ...inputs, slo: BigInt64Array.of(inputs.slo[0] ?? 0n, inputs.slo[1] === 1n ? 2n : 1n) },
    { ...inputs, inputIds: inputs.inputIds.toReversed() },
  ];
  for (const other of changed) {
    const after = await run(other);
    expect(Math.abs((after.scores[2] ?? 0) - (before.scores[2] ?? 0))).toBeGreaterThan(1e-3);
    expect(Math.abs((after.levelLogits[2] ?? 0) - (before.levelLogits[2] ?? 0))).toBeGreaterThan(1e-4);
  }
});

test('parameters survive as f16, and one that does not fit is refused', () => {
  const kept = decodeTlm(encodeTlm(parameters));
  const far = parameters.findIndex(
    (value, i) => Math.abs((kept[i] ?? NaN) - value) > Math.abs(value) / 2048 + 2 ** -25,
  );
  expect(kept.length).toBe(parameters.length);
  expect(far).toBe(-1);
  expect(encodeTlm(kept)).toEqual(encodeTlm(parameters));
  expect(() => encodeTlm(Float32Array.of(1, 70_000))).toThrow('parameter 1');
  expect(() => encodeTlm(Float32Array.of(NaN))).toThrow('parameter 0');
});

const model = tinySourceModel({ seed: 6 });
let recipe: LoadedRecipe;
const tinyParameters = decodeTlm(
  encodeTlm(randomTlmParameters(TINY_TLM_CONFIG, model.config.hiddenSize, 11)),
);

beforeAll(async () => {
  const recipeOut = join(scratch, 'recipe');
  unwrap(await elasticize({ model, out: join(scratch, 'plain'), recipeOut, variant: 'int8' }));
  const loaded = unwrap(await readRecipe(recipeOut));
  const about = {
    config: TINY_TLM_CONFIG,
    quality: {
      values: Array.from({ length: 10 }, () => new Array<number>(9).fill(0.5)),
      requests: 1,
      text: '',
    },
    method: 'random',
    seed: 11,
  };
  recipe = { ...loaded, learned: { ...loaded.learned, tlm: { about, bytes: encodeTlm(tinyParameters) } } };
});

test.each([
  ['f32', 1e-4],
  ['q8', 0.05],
  ['int8', 0.05],
  ['q4', 0.05],
] as const)('a %s bundle runs the TLM on its own embedding', async (variant, tolerance) => {
  const out = join(scratch, variant);
  const manifest = unwrap(await elasticize({ model, out, variant, recipe }));
  expect(manifest.tlm).toMatchObject({ config: TINY_TLM_CONFIG, graph: 'tlm.onnx', weights: 'tlm.bin' });
  const ids = Array.from({ length: 100 }, (_, i) => (37 * i) % model.config.vocabSize);
  const words = Int32Array.from(ids, (_, i) => (i < 90 ? i : -1));
  const inputs = tlmInputs(TINY_TLM_CONFIG, ids, words, { ttft: 0.4, tpot: null });
  const session = await InferenceSession.create(join(out, manifest.tlm?.graph ?? ''));
  expect(session.inputNames).toEqual([TLM_GRAPH.inputIds, TLM_GRAPH.roles, TLM_GRAPH.slo]);
  const actual = tlmOutputs(await session.run(tlmFeeds(inputs)));
  await session.release();
  const embedding = { table: model.tensor(WEIGHTS.embedding), size: model.config.hiddenSize };
  const expected = referenceTlm(TINY_TLM_CONFIG, tinyParameters, embedding, inputs);
  const pairs: [ArrayLike<number>, number[]][] = [
    [actual.scores, expected.scores],
    [actual.promptLogits, expected.prompt],
    [actual.levelLogits, expected.level],
  ];
  for (const [got, wanted] of pairs)
    for (const [i, value] of wanted.entries())
      expect(Math.abs((got[i] ?? NaN) - value), `${i}`).toBeLessThan(tolerance);
  // The embedding is not there twice.
  const own = manifest.files.find(({ path }) => path === 'tlm.bin')?.sizeBytes ?? Infinity;
  expect(own).toBeLessThan(4 * tinyParameters.length + 4096 * 40);
});
