import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { normalSample, seededRandom } from '../../core/random.ts';
import { adapterLayout, type AdapterShape } from '../../core/recovery-adapter.ts';
import type { Segment } from '../../core/bundle-manifest.ts';
import { evenImportance, orderUnits, type UnitOrder } from '../../offline/importance/unit-importance.ts';
import { attentionCell } from '../../offline/levels/attention-cells.ts';
import { mlpCells } from '../../offline/levels/level-plan.ts';
import { readLayer, reorderLayer } from '../../offline/levels/reorder.ts';
import { WEIGHTS, type SourceModel } from '../../offline/sources/source-model.ts';
import { batchFeeds, plainWindow } from '../../offline/training/batch-feeds.ts';
import { ForwardModel } from '../../offline/training/forward-model.ts';
import { fullShape, type LayerShape } from '../../offline/training/layer-shape.ts';
import { LevelTrainer } from '../../offline/training/level-trainer.ts';
import { sharedLayout } from '../../offline/training/shared-layout.ts';
import { TrainingWeights } from '../../offline/training/training-weights.ts';
import { batchTargets } from '../../offline/recovery/objective.ts';
import { FAMILY_NAMES, tinyFamily } from './support/tiny-architectures.ts';
import { referenceLogits } from './support/reference-llama.ts';

const TOKENS = 12;
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bungee-training-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function reversed(model: SourceModel): UnitOrder[] {
  return orderUnits(evenImportance(model.config)).map(({ neurons, kvGroups }) => ({
    neurons: [...neurons].reverse(),
    kvGroups: [...kvGroups].reverse(),
  }));
}

/** Every layer but the first loses something: neurons, one its attention, one the second half of its KV groups. */
function cutShape(model: SourceModel): LayerShape[] {
  const { config } = model;
  return fullShape(config).map((whole, layer) => ({
    kvGroups: layer === 1 ? 0 : layer === 3 ? Math.ceil(whole.kvGroups / 2) : whole.kvGroups,
    neurons: layer === 0 ? whole.neurons : layer === 2 ? 0 : Math.floor(whole.neurons / (layer + 1)),
  }));
}

/** Log-softmax of the reference's logits at a shape, [tokens][vocabulary]. */
function reference(
  model: SourceModel,
  orders: UnitOrder[] | null,
  shape: LayerShape[],
  ids: number[],
): number[][] {
  const { config } = model;
  const segments: Segment[] = [];
  const on: boolean[] = [];
  for (const [layer, { kvGroups, neurons }] of shape.entries()) {
    segments.push({ ...attentionCell(config, layer), units: Math.max(1, kvGroups) });
    on.push(kvGroups > 0);
    if (neurons > 0) {
      segments.push(...mlpCells(config, layer, [0, neurons]));
      on.push(true);
    }
  }
  const layers = shape.map((_, layer) => {
    const order = orders?.[layer];
    return order === undefined
      ? readLayer(model, layer)
      : reorderLayer(config, readLayer(model, layer), order);
  });
  const logits = referenceLogits(
    {
      config,
      embedding: model.tensor(WEIGHTS.embedding),
      head: model.tensor(config.tiedEmbedding ? WEIGHTS.embedding : WEIGHTS.head),
      finalNorm: model.tensor(WEIGHTS.finalNorm),
      layers,
    },
    ids,
    segments,
    on,
  );
  return logits.map((row) => {
    const largest = Math.max(...row);
    const mass = Math.log(row.reduce((sum, x) => sum + Math.exp(x - largest), 0)) + largest;
    return row.map((x) => x - mass);
  });
}

const IDS = [5, 17, 3, 99, 42, 8, 8, 120, 64, 1, 200, 31];

async function logProbabilities(
  model: SourceModel,
  orders: UnitOrder[] | null,
  layers: LayerShape[],
  name: string,
): Promise<Float32Array> {
  const weights = TrainingWeights.write(model, orders, join(folder, name));
  const forward = await ForwardModel.open({ weights, layers, adapter: null, tokens: TOKENS, name });
  try {
    return await forward.logProbabilities(plainWindow(IDS, TOKENS));
  } finally {
    await forward.close();
  }
}

function largestDifference(actual: Float32Array, expected: number[][]): number {
  return Math.max(...expected.flat().map((value, i) => Math.abs(value - (actual[i] as number))));
}

describe('the differentiable forward pass', () => {
  it.each(FAMILY_NAMES)('computes %s as plain f64 arithmetic does, whole and cut', async (family) => {
    const model = tinyFamily(family);
    const whole = fullShape(model.config);
    const orders = reversed(model);
    const name = `forward-${FAMILY_NAMES.indexOf(family)}`;
    const full = await logProbabilities(model, orders, whole, name);
    expect(largestDifference(full, reference(model, null, whole, IDS))).toBeLessThan(2e-4);
    const cut = await logProbabilities(model, orders, cutShape(model), `${name}-cut`);
    expect(largestDifference(cut, reference(model, orders, cutShape(model), IDS))).toBeLessThan(2e-4);
  });

  it('keeps attention inside of a document', async () => {
    const model = tinyFamily('Llama with a KV head for every query head');
    const weights = TrainingWeights.write(model, null, join(folder, 'documents'));
    const layers = fullShape(model.config);
    const forward = await ForwardModel.open({
      weights,
      layers,
      adapter: null,
      tokens: TOKENS,
      name: 'documents',
    });
    try {
      const split = (first: number): Promise<Float32Array> =>
        forward.logProbabilities({
          ids: Int32Array.from([first, ...IDS.slice(1)]),
          documents: Int32Array.from(IDS, (_, i) => (i < 6 ? 0 : 1)),
        });
      const [one, other] = [await split(5), await split(77)];
      const from = 6 * model.config.vocabSize;
      expect(one.subarray(from)).toEqual(other.subarray(from));
      expect(one.subarray(0, from)).not.toEqual(other.subarray(0, from));
    } finally {
      await forward.close();
    }
  });

  it('refuses a window of another length', () => {
    expect(() => batchFeeds([plainWindow(IDS, 4)], 5)).toThrow('a window of 4 tokens, not 5');
  });
});

interface Trained {
  readonly adapter: AdapterShape;
  readonly sharedRank: number;
  readonly sampledTokens: number | null;
}

describe('the gradient of a level', () => {
  const cases: Trained[] = [
    { adapter: { sites: ['mlp'], rank: 2, bias: true, norms: false }, sharedRank: 0, sampledTokens: null },
    {
      adapter: { sites: ['o', 'mlp'], rank: 3, bias: false, norms: false },
      sharedRank: 0,
      sampledTokens: null,
    },
    {
      adapter: { sites: ['o', 'down'], rank: 2, bias: true, norms: false },
      sharedRank: 0,
      sampledTokens: null,
    },
    { adapter: { sites: [], rank: 0, bias: true, norms: true }, sharedRank: 2, sampledTokens: null },
    { adapter: { sites: ['mlp'], rank: 2, bias: true, norms: true }, sharedRank: 3, sampledTokens: 90 },
  ];

  it.each(cases)('is what finite differences show: %o', async ({ adapter, sharedRank, sampledTokens }) => {
    const model = tinyFamily('SmolLM2');
    const { config } = model;
    const layers = cutShape(model);
    const name = `level-${cases.findIndex((each) => each.adapter === adapter)}`;
    const weights = TrainingWeights.write(model, reversed(model), join(folder, name));
    const candidates = 3;
    const trainer = await LevelTrainer.open({
      weights,
      layers,
      adapter,
      sharedRank,
      batch: 1,
      tokens: TOKENS,
      candidates,
      sampledTokens,
      name,
    });
    try {
      const random = seededRandom(4);
      const { total, entries } = adapterLayout(config, adapter);
      const sharedTotal = sharedLayout(config, sharedRank).total;
      // Norms near 1, all else near 0.
      const parameters = Float32Array.from({ length: total + sharedTotal }, () => 0.1 * normalSample(random));
      for (const { kind, offset, dims } of entries)
        if (kind.endsWith('Norm'))
          for (let i = offset; i < offset + (dims[0] ?? 0); i++) parameters[i] = 1 + (parameters[i] ?? 0);
      const split = (all: Float32Array): { adapter: Float32Array; shared: Float32Array } => ({
        adapter: all.slice(0, total),
        shared: all.slice(total),
      });
      const window = {
        ids: Int32Array.from(IDS),
        documents: new Int32Array(TOKENS),
        lossWeights: Float32Array.from(IDS, (_, i) => (i === TOKENS - 1 ? 0 : i === 4 ? 3 : 1)),
      };
      const teacher = {
        tokens: Int32Array.from({ length: TOKENS * candidates }, (_, i) => (i * 7) % 50),
        probabilities: new Float32Array(TOKENS * candidates).fill(0.2),
      };
      const sampling =
        sampledTokens === null
          ? null
          : { size: sampledTokens, vocabSize: config.vocabSize, random: seededRandom(9) };
      const targets = batchTargets([window], [teacher], candidates, 'mixed', sampling);
      const { gradient } = await trainer.gradient([window], targets, split(parameters));
      const unused = entries.filter(
        ({ layer, site, kind }) =>
          kind === 'a' &&
          ((site === 'o' && layers[layer]?.kvGroups === 0) ||
            (site === 'down' && layers[layer]?.neurons === 0)),
      );
      for (const { offset } of unused) expect(gradient.adapter[offset]).toBe(0);
      const whole = [...gradient.adapter, ...gradient.shared];
      // Along a direction: the loss in f32 resolves no single element's share.
      for (let trial = 0; trial < 4; trial++) {
        const direction = parameters.map(() => normalSample(random));
        const step = 2e-3;
        const at = (sign: number): Promise<number> =>
          trainer.loss(
            [window],
            targets,
            split(parameters.map((value, i) => value + sign * step * (direction[i] as number))),
          );
        const measured = ((await at(1)) - (await at(-1))) / (2 * step);
        const predicted = whole.reduce((sum, g, i) => sum + g * (direction[i] as number), 0);
        expect(Math.abs(measured - predicted)).toBeLessThan(0.02 * Math.max(0.5, Math.abs(predicted)));
      }
    } finally {
      await trainer.close();
    }
  });
});
