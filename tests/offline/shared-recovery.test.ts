import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { AdapterShape } from '../../core/recovery-adapter.ts';
import { evenImportance, orderUnits } from '../../offline/importance/unit-importance.ts';
import { compensate, type CompensationOptions } from '../../offline/recovery/compensate.ts';
import { recoverJointly, type JointRecoveryOptions } from '../../offline/recovery/recover-jointly.ts';
import { recoveredModel } from '../../offline/recovery/recovered-model.ts';
import { startParameters } from '../../offline/recovery/start-parameters.ts';
import { ForwardModel } from '../../offline/training/forward-model.ts';
import { fullShape } from '../../offline/training/layer-shape.ts';
import { startShared } from '../../offline/training/shared-layout.ts';
import { TrainingWeights } from '../../offline/training/training-weights.ts';
import { LEARNABLE_TOKENS as TOKENS, learnableWindow as window } from './support/learnable-windows.ts';
import { tinyFamily } from './support/tiny-architectures.ts';
import { shapeOf } from './support/nested-shapes.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bungee-shared-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function compensation(name: string, changes: Partial<CompensationOptions> = {}): CompensationOptions {
  const model = tinyFamily('SmolLM2');
  return {
    weights: TrainingWeights.write(model, null, join(folder, `${name}-weights`)),
    weightsIdentity: 'tiny',
    levels: [
      { level: 60, layers: shapeOf(model, 0.6) },
      { level: 40, layers: shapeOf(model, 0.4) },
      { level: 100, layers: shapeOf(model, 1) },
    ],
    windows: Array.from({ length: 40 }, (_, i) => window(i)),
    textIdentity: 'text',
    workFolder: join(folder, name),
    ...changes,
  };
}

describe('compensation', () => {
  it('brings every level nearer to the full model', async () => {
    const model = tinyFamily('SmolLM2');
    const { config } = model;
    const options = compensation('nearer');
    const made = await compensate(options, () => undefined);
    const orders = orderUnits(evenImportance(config));
    const adapter: AdapterShape = { sites: [], rank: 0, bias: true, norms: false };
    const distance = async (
      name: string,
      level: 60 | 40,
      from: { down: readonly Uint8Array[]; bias: ReadonlyMap<number, readonly Float32Array[]> } | null,
    ): Promise<number> => {
      const shared = from && { down: from.down, lowRank: { rank: 0, parameters: new Float32Array(0) } };
      const source = shared === null ? model : recoveredModel(model, orders, shared);
      const weights = TrainingWeights.write(source, null, join(folder, `${name}-${level}`));
      const parameters = startParameters(config, adapter, 0);
      for (const [layer, bias] of (from?.bias.get(level) ?? []).entries())
        parameters.set(bias, layer * config.hiddenSize);
      const layers = options.levels.find((each) => each.level === level)?.layers ?? [];
      const student = await ForwardModel.open({
        weights,
        layers,
        adapter: { shape: adapter, parameters },
        shared: null,
        tokens: TOKENS,
        name,
      });
      const teacher = await ForwardModel.open({
        weights: options.weights,
        layers: fullShape(config),
        adapter: null,
        shared: null,
        tokens: TOKENS,
        name: 'teacher',
      });
      try {
        let kl = 0;
        for (let i = 100; i < 104; i++) {
          const wanted = await teacher.logProbabilities(window(i));
          const said = await student.logProbabilities(window(i));
          kl += wanted.reduce((sum, value, j) => sum + Math.exp(value) * (value - (said[j] as number)), 0);
        }
        return kl;
      } finally {
        await student.close();
        await teacher.close();
      }
    };
    for (const level of [60, 40] as const)
      expect(await distance('after', level, made)).toBeLessThan(
        0.85 * (await distance('before', level, null)),
      );
  });

  it('goes on behind the last finished layer and ends with the same', async () => {
    const whole = await compensate(compensation('uninterrupted'), () => undefined);
    const options = compensation('interrupted');
    const controller = new AbortController();
    const killed = compensate(
      options,
      (fraction) => {
        if (fraction >= 0.5) controller.abort(new Error('killed'));
      },
      controller.signal,
    );
    await expect(killed).rejects.toThrow('killed');
    const resumed = await compensate(options, () => undefined);
    expect(resumed.down).toEqual(whole.down);
    expect([...resumed.bias]).toEqual([...whole.bias]);
  });

  it('is read, not made again, once every layer is solved', async () => {
    const options = compensation('finished');
    const made = await compensate(options, () => undefined);
    const work = vi.fn();
    expect(await compensate(options, work)).toEqual(made);
    expect(work).not.toHaveBeenCalled();
  });
});

const ADAPTER: AdapterShape = { sites: [], rank: 0, bias: true, norms: false };

function joint(name: string, changes: Partial<JointRecoveryOptions> = {}): JointRecoveryOptions {
  const model = tinyFamily('SmolLM2');
  const weights = TrainingWeights.write(model, null, join(folder, `${name}-weights`));
  const start = startParameters(model.config, ADAPTER, 3);
  return {
    weights,
    teacherWeights: TrainingWeights.write(model, null, join(folder, `${name}-teacher`)),
    weightsIdentity: 'tiny',
    levels: [
      { level: 100, layers: shapeOf(model, 1), objective: 'distill', weight: 1, start },
      { level: 60, layers: shapeOf(model, 0.6), objective: 'mixed', weight: 0.6, start },
      { level: 40, layers: shapeOf(model, 0.4), objective: 'mixed', weight: 0.4, start },
    ],
    adapter: ADAPTER,
    sharedRank: 4,
    startShared: startShared(model.config, 4, 3),
    objective: 'mixed',
    steps: 40,
    peakLearningRate: 3e-3,
    seed: 3,
    batch: 2,
    pool: 12,
    sampledTokens: null,
    text: {
      windowTokens: TOKENS,
      stream: { sha256: 'text', window },
      heldOut: Array.from({ length: 12 }, (_, i) => window(i)),
    },
    workFolder: join(folder, name),
    ...changes,
  };
}

describe('joint recovery', () => {
  it.each([
    ['over the whole vocabulary', null],
    ['over a part of it', 200],
  ])('brings levels near to the full model, which stays as it is, %s', async (_, sampledTokens) => {
    const start = await recoverJointly(
      joint(`start ${sampledTokens}`, { steps: 1, sampledTokens }),
      () => undefined,
    );
    const trained = await recoverJointly(
      joint(`trained ${sampledTokens}`, { sampledTokens }),
      () => undefined,
    );
    expect(trained.levels.map(({ level }) => level)).toEqual([100, 60, 40]);
    const losses = trained.levels.map(({ heldOutLoss }) => heldOutLoss ?? NaN);
    const [full = 0, ...lower] = start.levels.map(({ heldOutLoss }) => heldOutLoss ?? NaN);
    for (const [i, loss] of lower.entries()) expect(losses[i + 1]).toBeLessThan(loss - 0.02);
    expect(Math.abs((losses[0] ?? NaN) - full)).toBeLessThan(0.05);
    expect(trained.shared.some((value) => value !== 0)).toBe(true);
  });

  it('ends with the same parameters after kills as without', async () => {
    const options = { steps: 45 };
    const whole = await recoverJointly(joint('whole', options), () => undefined);
    const killed = joint('killed', options);
    for (const fatal of [20, 77, 130]) {
      const controller = new AbortController();
      const run = recoverJointly(
        killed,
        ({ step }) => {
          if (step === fatal) controller.abort(new Error('killed'));
        },
        controller.signal,
      );
      await expect(run).rejects.toThrow('killed');
    }
    const resumed = await recoverJointly(killed, () => undefined);
    expect(resumed.shared).toEqual(whole.shared);
    expect(resumed.levels).toEqual(whole.levels);
  });

  it('goes on from its own checkpoint, not from one of other options in the same folder', async () => {
    const stepsOf = async (change: Partial<JointRecoveryOptions>): Promise<number[]> => {
      const steps: number[] = [];
      await recoverJointly(joint('others', { steps: 20, ...change }), ({ step }) => steps.push(step));
      return steps;
    };
    expect(await stepsOf({})).toHaveLength(60);
    expect(await stepsOf({ seed: 4 })).toHaveLength(60);
    expect(await stepsOf({})).toEqual([]);
  });

  it('tells no held-out loss where there is no text to judge by', async () => {
    const text = { windowTokens: TOKENS, stream: { sha256: 'text', window }, heldOut: [] };
    const { levels } = await recoverJointly(joint('unjudged', { steps: 2, text }), () => undefined);
    expect(levels.map(({ heldOutLoss }) => heldOutLoss)).toEqual([null, null, null]);
  });
});
