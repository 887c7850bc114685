import fc from 'fast-check';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdapterShape } from '../../core/recovery-adapter.ts';
import { readCheckpoint, writeCheckpoint } from '../../offline/recovery/checkpoint.ts';
import { batchTargets, type LabelledWindow, type Objective } from '../../offline/recovery/objective.ts';
import {
  recoverTargets,
  type RecoveryOptions,
  type RecoveryProgress,
} from '../../offline/recovery/recover.ts';
import type { RecoveryText } from '../../offline/recovery/teacher.ts';
import { startParameters } from '../../offline/recovery/start-parameters.ts';
import { likeliest } from '../../offline/recovery/teacher-cache.ts';
import { adamWState, adamWStep, learningRateAt } from '../../offline/training/adamw.ts';
import { TrainingWeights } from '../../offline/training/training-weights.ts';
import { LEARNABLE_TOKENS as TOKENS, learnableWindow as window } from './support/learnable-windows.ts';
import { tinyFamily } from './support/tiny-architectures.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bungee-recovery-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ADAPTER: AdapterShape = { sites: ['o', 'mlp'], rank: 4, bias: true, norms: false };

function textWith(heldOut: readonly LabelledWindow[]): RecoveryText {
  return { windowTokens: TOKENS, stream: { sha256: 'text', window }, heldOut };
}

function options(name: string, changes: Partial<RecoveryOptions> = {}): RecoveryOptions {
  const model = tinyFamily('SmolLM2');
  const workFolder = join(folder, name);
  const whole = { kvGroups: model.config.kvHeads, neurons: model.config.ffnSize };
  const layers = (kept: number): { kvGroups: number; neurons: number }[] =>
    Array.from({ length: model.config.layers }, (_, layer) =>
      layer === 0
        ? whole
        : { kvGroups: layer === 1 && kept < 0.5 ? 0 : 1, neurons: Math.floor(whole.neurons * kept) },
    );
  return {
    weights: TrainingWeights.write(model, null, join(folder, `${name}-weights`)),
    weightsIdentity: 'tiny',
    targets: [
      { name: 'level-60', level: 60, layers: layers(0.6), steps: 30 },
      { name: 'level-40', level: 40, layers: layers(0.4), steps: 30 },
    ],
    adapter: ADAPTER,
    objective: 'distill',
    peakLearningRate: 1e-2,
    seed: 3,
    batch: 2,
    pool: 12,
    text: textWith([window(100), window(101), window(102), window(103)]),
    workFolder,
    ...changes,
  };
}

describe('recovery', () => {
  it.each<Objective>(['distill', 'next-token', 'mixed'])(
    'lowers the loss that it is judged by: %s',
    async (objective) => {
      const first = new Map<string, number>();
      // A random teacher says nothing of text that was not trained on.
      const heldOut = Array.from({ length: 12 }, (_, i) => window(i));
      const seen = (step: RecoveryProgress): void => {
        if (step.step === 0) first.set(step.target, step.loss);
      };
      const recovered = await recoverTargets(
        options(`lowers-${objective}`, { objective, text: textWith(heldOut) }),
        seen,
      );
      expect(recovered.map(({ target }) => target.level)).toEqual([60, 40]);
      for (const { target, heldOutLoss, bestStep } of recovered) {
        expect(bestStep).toBeGreaterThan(0);
        expect(heldOutLoss).toBeLessThan(first.get(target.name) ?? 0);
      }
    },
  );

  it('ends with the same parameters after kills as without', async () => {
    const whole = await recoverTargets(options('whole'), () => undefined);
    const killed = options('killed');
    for (const fatal of [10, 27, 29]) {
      const controller = new AbortController();
      const run = recoverTargets(
        killed,
        ({ target, step }) => {
          if (step === fatal && (fatal !== 29 || target === 'level-40'))
            controller.abort(new Error('killed'));
        },
        controller.signal,
      );
      await expect(run).rejects.toThrow('killed');
    }
    const resumed = await recoverTargets(killed, () => undefined);
    for (const [i, level] of whole.entries()) expect(resumed[i]?.parameters).toEqual(level.parameters);
  });

  it('keeps what it has learned where no text is left to judge by', async () => {
    const given = options('unjudged', { text: textWith([]) });
    const [level] = await recoverTargets({ ...given, targets: given.targets.slice(0, 1) }, () => undefined);
    expect(level?.bestStep).toBe(30);
    expect(level?.parameters).not.toEqual(startParameters(given.weights.config, ADAPTER, given.seed));
  });

  it('does not go on from a checkpoint of other options', async () => {
    const before = options('others');
    await recoverTargets({ ...before, targets: before.targets.slice(0, 1) }, () => undefined);
    const steps: number[] = [];
    await recoverTargets({ ...before, seed: 4, targets: before.targets.slice(0, 1) }, ({ step }) =>
      steps.push(step),
    );
    expect(steps[0]).toBe(0);
  });
});

describe('a checkpoint', () => {
  const checkpoint = {
    numbers: { step: 7, bestLoss: Infinity },
    arrays: {
      parameters: Float32Array.of(1, 2, 3),
      first: new Float32Array(0),
      second: Float32Array.of(7, 8),
    },
  };

  it('is read as it was written', () => {
    const path = join(folder, 'a.checkpoint');
    writeCheckpoint(path, 'run', checkpoint);
    expect(readCheckpoint(path, 'run')).toEqual(checkpoint);
  });

  it('of another run, cut short or damaged is none', () => {
    const path = join(folder, 'b.checkpoint');
    writeCheckpoint(path, 'run', checkpoint);
    expect(readCheckpoint(path, 'another run')).toBeNull();
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, bytes.length - 4));
    expect(readCheckpoint(path, 'run')).toBeNull();
    writeFileSync(path, 'nonsense');
    expect(readCheckpoint(path, 'run')).toBeNull();
    expect(readCheckpoint(join(folder, 'none.checkpoint'), 'run')).toBeNull();
  });
});

describe('the pieces of a step', () => {
  it('takes the likeliest tokens as sorting would', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 6, maxLength: 60 }),
        fc.integer({ min: 1, max: 6 }),
        (values, count) => {
          const row = Float32Array.from(values);
          const sorted = values.map((_, i) => i).sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0) || a - b);
          expect([...likeliest(row, count)]).toEqual(sorted.slice(0, count));
        },
      ),
    );
  });

  it('gives every position its share of a loss that sums up to one', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<Objective>('distill', 'next-token', 'mixed'),
        fc.array(fc.constantFrom(0, 0.5, 1, 4), { minLength: 2, maxLength: 12 }),
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        (objective, lossWeights, covered) => {
          fc.pre(lossWeights.some((weight) => weight > 0));
          const length = lossWeights.length;
          const window = {
            ids: new Int32Array(length).fill(2),
            documents: new Int32Array(length),
            lossWeights: Float32Array.from(lossWeights),
          };
          const K = objective === 'next-token' ? 0 : 2;
          const teacher = {
            tokens: new Int32Array(length * 2),
            probabilities: new Float32Array(length * 2).fill(covered / 2),
          };
          const made = batchTargets([window], K === 0 ? null : [teacher], K, objective);
          const sum = [...made.weights, ...made.restWeights].reduce((a, b) => a + b, 0);
          expect(sum).toBeCloseTo(1, 4);
        },
      ),
    );
  });

  it('follows AdamW as published', () => {
    // One step from zero moments moves by the rate times the sign, less decay.
    const parameters = Float32Array.of(1, -2, 0.5);
    const gradient = Float32Array.of(0.1, -0.3, 0);
    const options = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.1, clipNorm: null };
    const state = adamWState(3);
    adamWStep(parameters, gradient, state, 0.01, options, Uint8Array.of(1, 0, 1));
    expect(parameters[0]).toBeCloseTo(1 - 0.01 * (1 + 0.1), 6);
    expect(parameters[1]).toBeCloseTo(-2 + 0.01, 6);
    expect(parameters[2]).toBeCloseTo(0.5 - 0.01 * 0.05, 6);
    expect(state.step).toBe(1);
  });

  it('clips a long gradient to the norm', () => {
    const state = adamWState(2);
    const options = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 };
    expect(adamWStep(new Float32Array(2), Float32Array.of(30, 40), state, 0.1, options)).toBe(50);
    expect(state.first[0]).toBeCloseTo(0.1 * 0.6, 6);
  });

  it('warms up in a line and falls along a cosine', () => {
    const schedule = { peak: 2, warmUpSteps: 4, steps: 24, floor: 0.1 };
    expect([0, 1, 3].map((step) => learningRateAt(step, schedule))).toEqual([0.5, 1, 2]);
    expect(learningRateAt(14, schedule)).toBeCloseTo(2 * (0.1 + 0.9 / 2), 9);
    expect(learningRateAt(24, schedule)).toBeCloseTo(0.2, 9);
    expect(learningRateAt(90, schedule)).toBeCloseTo(0.2, 9);
  });
});
