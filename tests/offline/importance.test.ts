import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unwrap } from '../../core/result.ts';
import { CalibrationModel, fullMask, type LayerMask } from '../../offline/importance/calibration-model.ts';
import { IMPORTANCE_CRITERIA } from '../../offline/importance/criteria.ts';
import { CutProbe } from '../../offline/importance/cut-probe.ts';
import { logSoftmaxRows, meanDivergence } from '../../offline/importance/divergence.ts';
import { GradientModel, type ImportanceWindow } from '../../offline/importance/gradient-model.ts';
import { readImportance, writeImportance } from '../../offline/importance/importance-file.ts';
import { layerInfluence } from '../../offline/importance/layer-influence.ts';
import { measureImportance } from '../../offline/importance/measure-importance.ts';
import {
  mixScores,
  ScoreAccumulator,
  zeroScores,
  type UnitScores,
} from '../../offline/importance/unit-scores.ts';
import { tinySourceModel, TINY_CONFIG } from '../../offline/sources/tiny-model.ts';
import { TrainingWeights } from '../../offline/training/training-weights.ts';

const TOKENS = 24;
const model = tinySourceModel({ config: { layers: 2, ffnSize: 48, vocabSize: TINY_CONFIG.vocabSize } });
const { config } = model;

function windowOf(seed: number, domain: string): ImportanceWindow {
  const ids = Int32Array.from({ length: TOKENS }, (_, i) => (seed * 131 + i * i * 17 + i * 29) % 250);
  const lossWeights = new Float32Array(TOKENS).fill(1);
  lossWeights[TOKENS - 1] = 0;
  return { ids, lossWeights, documents: new Int32Array(TOKENS), domain };
}

const windows = [windowOf(1, 'prose'), windowOf(2, 'prose'), windowOf(3, 'instructions')];

describe('gradients of units', () => {
  let folder: string;
  let weights: TrainingWeights;
  let calibration: CalibrationModel;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bungee-test-'));
    weights = TrainingWeights.write(model, null, folder);
    calibration = await CalibrationModel.open(model, () => undefined);
  });
  afterAll(async () => {
    await calibration.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Next-token loss as the engine's own graph computes it, with one unit scaled. */
  async function lossWith(
    layer: number,
    kind: 'neurons' | 'kvGroups',
    unit: number,
    factor: number,
  ): Promise<number> {
    const mask = fullMask(config);
    const channels = (config.heads / config.kvHeads) * config.headDim;
    if (kind === 'neurons') mask.neurons[unit] = factor;
    else mask.attention.fill(factor, unit * channels, (unit + 1) * channels);
    const ids = [...(windows[0]?.ids ?? [])];
    const rows = logSoftmaxRows(await calibration.logits(ids, 0, new Map([[layer, mask]])), config.vocabSize);
    let sum = 0;
    for (let i = 0; i + 1 < ids.length; i++) sum -= rows[i * config.vocabSize + (ids[i + 1] ?? 0)] as number;
    return sum / (ids.length - 1);
  }

  it('are what the loss changes by when a unit is scaled in the graph that ships', async () => {
    const gradients = await GradientModel.open(weights, TOKENS, 'masks');
    const { loss, scores } = await gradients.run(windows[0] as ImportanceWindow);
    await gradients.close();
    expect(await lossWith(0, 'neurons', 0, 1)).toBeCloseTo(loss, 4);
    const step = 0.05;
    for (const [layer, kind, unit] of [
      [0, 'neurons', 3],
      [0, 'neurons', 40],
      [1, 'neurons', 11],
      [0, 'kvGroups', 1],
      [1, 'kvGroups', 0],
    ] as const) {
      const up = await lossWith(layer, kind, unit, 1 + step);
      const down = await lossWith(layer, kind, unit, 1 - step);
      const found = scores[layer]?.[kind][unit] ?? NaN;
      const expected = (up - down) / (2 * step);
      expect(Math.abs(found - expected)).toBeLessThan(0.02 * Math.abs(expected) + 5e-5);
    }
  });

  it("of weights are no smaller than those of masks: a sum's size is at most the sum of sizes", async () => {
    const masks = await GradientModel.open(weights, TOKENS, 'masks');
    const saliences = await GradientModel.open(weights, TOKENS, 'weights');
    const window = windows[0] as ImportanceWindow;
    const ofMasks = await masks.run(window);
    const ofWeights = await saliences.run(window);
    await masks.close();
    await saliences.close();
    expect(ofWeights.loss).toBeCloseTo(ofMasks.loss, 5);
    for (const [layer, { neurons, kvGroups }] of ofMasks.scores.entries()) {
      for (const [i, gradient] of neurons.entries())
        expect(ofWeights.scores[layer]?.neurons[i]).toBeGreaterThanOrEqual(0.999 * Math.abs(gradient) - 1e-7);
      for (const [i, gradient] of kvGroups.entries())
        expect(ofWeights.scores[layer]?.kvGroups[i]).toBeGreaterThanOrEqual(
          0.999 * Math.abs(gradient) - 1e-7,
        );
    }
  });
});

describe('the probe of cuts', () => {
  let folder: string;
  let weights: TrainingWeights;
  let probe: CutProbe;
  let calibration: CalibrationModel;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bungee-test-'));
    weights = TrainingWeights.write(model, null, folder);
    probe = await CutProbe.open(weights, windows);
    calibration = await CalibrationModel.open(model, () => undefined);
  });
  afterAll(async () => {
    await probe.close();
    await calibration.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The same by the engine's own graph, with masks. */
  async function divergence(layer: number, mask: LayerMask): Promise<number> {
    let sum = 0;
    for (const { ids } of windows) {
      const rows = async (masks: ReadonlyMap<number, LayerMask>): Promise<Float32Array> =>
        logSoftmaxRows(await calibration.logits([...ids], 0, masks), config.vocabSize);
      sum += meanDivergence(await rows(new Map()), await rows(new Map([[layer, mask]])), config.vocabSize);
    }
    return sum / windows.length;
  }

  it.each([0, 1])("finds what the engine's own graph loses without parts of layer %i", async (layer) => {
    const down = weights.read(`${layer}.down`);
    const bias = new Float32Array(config.hiddenSize);
    expect(await probe.loss(layer, { attention: true, down, bias })).toBeCloseTo(0, 6);
    const silent = fullMask(config);
    silent.attention.fill(0);
    const without = await probe.loss(layer, { attention: false, down, bias });
    expect(without / (await divergence(layer, silent))).toBeCloseTo(1, 3);
    const narrow = fullMask(config);
    narrow.neurons.fill(0, 20);
    const kept = down.map((value, i) => (i < 20 * config.hiddenSize ? value : 0));
    const cut = await probe.loss(layer, { attention: true, down: kept, bias });
    expect(cut / (await divergence(layer, narrow))).toBeCloseTo(1, 3);
  });
});

describe('layer influence', () => {
  it('is high where a layer turns the stream and none where it leaves it alone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bungee-test-'));
    // A layer whose outputs are zero.
    const idle = (name: string): Float32Array =>
      /layers\.1\..*(o_proj|down_proj)/.test(name) ? model.tensor(name).fill(0) : model.tensor(name);
    const weights = TrainingWeights.write({ ...model, tensor: idle }, null, folder);
    const [first = NaN, second = NaN] = await layerInfluence(weights, windows);
    rmSync(folder, { recursive: true });
    expect(first).toBeGreaterThan(0.01);
    expect(Math.abs(second)).toBeLessThan(1e-5);
  });
});

describe('importance', () => {
  it.each(IMPORTANCE_CRITERIA)('by %s scores every unit and every block', async (criterion) => {
    const importance = await measureImportance(model, windows, { criterion });
    expect(importance.layers).toHaveLength(config.layers);
    for (const { neurons, kvGroups, mlp, attention, layer } of importance.layers) {
      expect(neurons).toHaveLength(config.ffnSize);
      expect(kvGroups).toHaveLength(config.kvHeads);
      for (const score of [...neurons, ...kvGroups, mlp, attention, layer ?? NaN])
        expect(score).toBeGreaterThan(0);
      expect(new Set(neurons).size).toBeGreaterThan(config.ffnSize / 2);
    }
    const byGradients = !['activation', 'magnitude'].includes(criterion);
    expect(importance.acrossLayers ?? false).toBe(byGradients);
    expect(importance.layers.every(({ influence }) => (influence ?? 0) > 0)).toBe(byGradients);
  });

  it('is the same when measured again', async () => {
    const [first, again] = [await measureImportance(model, windows), await measureImportance(model, windows)];
    expect(again).toEqual(first);
  });

  it('stops when asked to', async () => {
    const stop = AbortSignal.abort(new Error('stopped'));
    await expect(measureImportance(model, windows, {}, undefined, stop)).rejects.toThrow('stopped');
  });

  it.each([
    ['magnitude', false],
    ['taylor-elimination', true],
  ] as const)('by %s survives a file, and a file of another model is refused', async (criterion, cut) => {
    const folder = mkdtempSync(join(tmpdir(), 'bungee-test-'));
    const path = join(folder, 'importance.json');
    const importance = await measureImportance(model, windows, { criterion });
    for (const { cuts } of importance.layers) expect(cuts !== undefined).toBe(cut);
    writeImportance(path, importance);
    expect(unwrap(readImportance(path, config))).toEqual(importance);
    expect(readImportance(path, { ...config, kvHeads: 4 })).toMatchObject({
      ok: false,
      failure: { code: 'importance-unreadable' },
    });
    expect(readImportance(join(folder, 'none.json'), config).ok).toBe(false);
    rmSync(folder, { recursive: true });
  });
});

describe('accumulated scores', () => {
  const scoresOf = (first: number, second: number): UnitScores[] => {
    const scores = zeroScores({ ...config, layers: 1, ffnSize: 2, kvHeads: 1 });
    scores[0]?.neurons.set([first, second]);
    scores[0]?.kvGroups.set([first]);
    return scores;
  };
  const shape = { ...config, layers: 1, ffnSize: 2, kvHeads: 1 };

  it('do not cancel over windows, and domains count alike however large their losses', () => {
    const accumulator = new ScoreAccumulator(shape, 'absolute');
    accumulator.add('a', scoresOf(3, 1));
    accumulator.add('a', scoresOf(-3, -1));
    accumulator.add('b', scoresOf(100, 300));
    expect([...(accumulator.result()[0]?.neurons ?? [])]).toEqual([1, 1]);
  });

  it('are mixed inside of a layer; the layer keeps the sum of the first', () => {
    const [mixed] = mixScores(scoresOf(8, 2), scoresOf(1, 9));
    const [first, second] = [...(mixed?.neurons ?? [])];
    expect((first ?? 0) + (second ?? 0)).toBeCloseTo(10, 5);
    expect((second ?? 0) / (first ?? 1)).toBeCloseTo(Math.sqrt(18 / 8), 5);
  });

  it('of squares weigh one large gradient more than several small ones', () => {
    const spread = new ScoreAccumulator(shape, 'square');
    spread.add('a', scoresOf(2, 4));
    spread.add('a', scoresOf(2, 0));
    const [few, many] = [...(spread.result()[0]?.neurons ?? [])];
    expect(many).toBeGreaterThan(few ?? Infinity);
  });
});
