import { afterAll, describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../core/model-config.ts';
import { normalSample, seededRandom } from '../../core/random.ts';
import {
  adapterLayout,
  type AdapterNorm,
  type AdapterParameters,
  type AdapterShape,
  type RuntimeSite,
} from '../../core/recovery-adapter.ts';
import { tinySourceModel } from '../../offline/sources/tiny-model.ts';
import { GraphLab, largestDifference, someTokens } from './support/graph-lab.ts';
import { referenceLogits, type ReferenceModel, type Rows } from './support/reference-llama.ts';
import { tinyFamily } from './support/tiny-architectures.ts';

/** f32 sums in another order, through 4 layers; logits are about 3 in size. */
const F32_TOLERANCE = 2e-4;

const model = tinySourceModel({ seed: 21 });
const cutModel = tinyFamily('Mistral with eight KV heads');
const tokens = someTokens(9, model.config.vocabSize);

function randomParameters(config: ModelConfig, shape: AdapterShape, seed: number): AdapterParameters {
  const random = seededRandom(seed);
  const parameters = new Float32Array(adapterLayout(config, shape).total);
  for (const { kind, offset, dims } of adapterLayout(config, shape).entries) {
    const size = dims.reduce((product, dim) => product * dim, 1);
    const scale = kind === 'a' || kind === 'b' ? 1 / Math.sqrt(dims[0] ?? 1) : 0.1;
    const mean = kind.endsWith('Norm') ? 1 : 0;
    for (let i = offset; i < offset + size; i++) parameters[i] = mean + scale * normalSample(random);
  }
  return parameters;
}

/** One matrix of an adapter: element [row, column]. */
function matrix(
  config: ModelConfig,
  shape: AdapterShape,
  parameters: AdapterParameters,
  layer: number,
  site: RuntimeSite | null,
  kind: 'a' | 'b' | 'bias',
): (row: number, column: number) => number {
  const entry = adapterLayout(config, shape).entries.find(
    (each) => each.layer === layer && each.site === site && each.kind === kind,
  );
  const width = entry?.dims.at(-1) ?? 0;
  return (row, column) => (entry === undefined ? 0 : (parameters[entry.offset + row * width + column] ?? 0));
}

function ranks({ rank }: AdapterShape): number[] {
  return Array.from({ length: rank }, (_, r) => r);
}

/** Norm weights of a level; those of the model where it has none of its own. */
function norm(
  config: ModelConfig,
  shape: AdapterShape,
  parameters: AdapterParameters,
  layer: number,
  kind: AdapterNorm,
  otherwise: Float32Array,
): Float32Array {
  const entry = adapterLayout(config, shape).entries.find(
    (each) => each.layer === layer && each.kind === kind,
  );
  return entry === undefined
    ? otherwise
    : parameters.subarray(entry.offset, entry.offset + config.hiddenSize);
}

/** The reference with the adapters of `o` merged into its weights, and with the level's norms. */
function merged(
  reference: ReferenceModel,
  shape: AdapterShape,
  parameters: AdapterParameters,
): ReferenceModel {
  const { config } = reference;
  const width = config.heads * config.headDim;
  const layers = reference.layers.map((layer, index) => {
    const a = matrix(config, shape, parameters, index, 'o', 'a');
    const b = matrix(config, shape, parameters, index, 'o', 'b');
    const delta = (out: number, into: number): number =>
      ranks(shape).reduce((sum, r) => sum + a(into, r) * b(r, out), 0);
    return {
      ...layer,
      attentionNorm: norm(config, shape, parameters, index, 'attentionNorm', layer.attentionNorm),
      mlpNorm: norm(config, shape, parameters, index, 'mlpNorm', layer.mlpNorm),
      o: layer.o.map((weight, i) => weight + delta(Math.floor(i / width), i % width)),
    };
  });
  const finalNorm = norm(config, shape, parameters, config.layers, 'finalNorm', reference.finalNorm);
  return { ...reference, layers, finalNorm };
}

/** What the adapter adds beside a layer's MLP. */
function besideMlp(
  config: ModelConfig,
  shape: AdapterShape,
  parameters: AdapterParameters,
): (layer: number, normed: Rows) => Rows {
  return (layer, normed) => {
    const a = matrix(config, shape, parameters, layer, 'mlp', 'a');
    const b = matrix(config, shape, parameters, layer, 'mlp', 'b');
    const bias = matrix(config, shape, parameters, layer, null, 'bias');
    return normed.map((row) => {
      const low = ranks(shape).map((r) => row.reduce((sum, x, i) => sum + x * a(i, r), 0));
      return row.map((_, n) => low.reduce((sum, x, r) => sum + x * b(r, n), bias(0, n)));
    });
  };
}

const shapes: AdapterShape<RuntimeSite>[] = [
  { sites: ['o', 'mlp'], rank: 3, bias: true, norms: false },
  { sites: ['mlp'], rank: 8, bias: false, norms: false },
  { sites: ['o'], rank: 2, bias: false, norms: false },
  { sites: [], rank: 0, bias: true, norms: false },
  { sites: [], rank: 0, bias: true, norms: true },
  { sites: ['mlp'], rank: 2, bias: false, norms: true },
];
const [everySite] = shapes;

describe.each([
  ...shapes.map(
    (shape) =>
      [
        `${shape.sites.join('+')} rank ${shape.rank} bias ${shape.bias} norms ${shape.norms}`,
        model,
        shape,
      ] as const,
  ),
  ...(everySite === undefined ? [] : [['all of it, attention cut by groups', cutModel, everySite] as const]),
])('a graph with an adapter (%s)', (_, model, shape) => {
  const { config } = model;
  const lab = new GraphLab(model, undefined, shape);
  const plain = new GraphLab(model);
  const parameters = randomParameters(config, shape, 31);
  // How the other products are stored matters to the first shape alone: it has all parts of an adapter.
  const variants =
    shape === everySite && model !== cutModel ? (['f32', 'int8', 'q8', 'q4'] as const) : (['int8'] as const);
  afterAll(async () => {
    await lab.close();
    await plain.close();
  });

  it('adds at every level what the adapter computes', async () => {
    const reference = merged(lab.reference, shape, parameters);
    for (const { level, prefix } of lab.plan.levels) {
      const on = lab.on(prefix);
      const { logits } = await lab.run('f32', 'zero-row', tokens, on, 0, parameters);
      const beside = besideMlp(config, shape, parameters);
      const expected = referenceLogits(reference, tokens, lab.plan.segments, on, beside).flat();
      expect(largestDifference(logits.data as Float32Array, expected), `level ${level}`).toBeLessThan(
        F32_TOLERANCE,
      );
      const without = referenceLogits(lab.reference, tokens, lab.plan.segments, on).flat();
      expect(largestDifference(without, expected)).toBeGreaterThan(50 * F32_TOLERANCE);
    }
  });

  // A level with norms of its own never runs without them.
  if (!shape.norms)
    it('is bit-equal to the plain graph where no adapter is fed', async () => {
      for (const variant of variants)
        for (const { prefix } of [lab.plan.levels[0], lab.plan.levels.at(-1)].flatMap(
          (level) => level ?? [],
        )) {
          const fed = await lab.run(variant, 'zero-row', tokens, lab.on(prefix));
          const expected = await plain.run(variant, 'zero-row', tokens, lab.on(prefix));
          expect(fed.logits.data).toEqual(expected.logits.data);
          expect(fed.kvDelta.data).toEqual(expected.kvDelta.data);
        }
    });

  it('is bit-equal with zero rows and with If, at every level and in every variant', async () => {
    for (const variant of variants)
      for (const { prefix } of lab.plan.levels) {
        const on = lab.on(prefix);
        const zeroRow = await lab.run(variant, 'zero-row', tokens, on, 0, parameters);
        const conditional = await lab.run(variant, 'conditional', tokens, on, 0, parameters);
        expect(zeroRow.logits.data).toEqual(conditional.logits.data);
        expect(zeroRow.kvDelta.data).toEqual(conditional.kvDelta.data);
      }
  });
});

describe('a graph with adapters', () => {
  const shape: AdapterShape<RuntimeSite> = { sites: ['o', 'mlp'], rank: 4, bias: true, norms: false };
  const other = tinySourceModel({ seed: 22 });
  const lab = new GraphLab(other, undefined, shape);
  afterAll(() => lab.close());

  it('runs a single token, and every level with its own adapter in one session', async () => {
    const levels = lab.plan.levels.map(({ prefix }, i) => ({
      on: lab.on(prefix),
      parameters: randomParameters(other.config, shape, 40 + i),
    }));
    for (const { on, parameters } of [...levels, ...levels.reverse()]) {
      const { logits } = await lab.run('f32', 'zero-row', tokens.slice(0, 1), on, 0, parameters);
      const reference = merged(lab.reference, shape, parameters);
      const beside = besideMlp(other.config, shape, parameters);
      const expected = referenceLogits(reference, tokens.slice(0, 1), lab.plan.segments, on, beside).flat();
      expect(largestDifference(logits.data as Float32Array, expected)).toBeLessThan(F32_TOLERANCE);
    }
  });
});
