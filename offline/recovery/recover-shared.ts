import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { FULL_LEVEL, type Level } from '../../core/level.ts';
import {
  adapterLayout,
  type AdapterParameters,
  type AdapterShape,
  type RuntimeSite,
} from '../../core/recovery-adapter.ts';
import { ok, type Result } from '../../core/result.ts';
import type { ComputeDevice } from '../graph/compute-device.ts';
import type { UnitOrder } from '../importance/unit-importance.ts';
import type { OnFraction, Recovered } from '../pipeline/stages.ts';
import { WEIGHTS } from '../sources/source-model.ts';
import type { LayerShape } from '../training/layer-shape.ts';
import { startShared } from '../training/shared-layout.ts';
import { TrainingWeights } from '../training/training-weights.ts';
import { compensate } from './compensate.ts';
import type { Objective } from './objective.ts';
import { recoverJointly } from './recover-jointly.ts';
import { recoveredModel } from './recovered-model.ts';
import { openRecoveryText, type RecoveryTextOptions } from './recovery-text.ts';
import { orderedModelHash, runHash } from './run-identity.ts';
import { startParameters } from './start-parameters.ts';

const BATCH = 2;
/** Windows that the closed-form compensation reads: 40,960 tokens. */
const COMPENSATION_WINDOWS = 160;
/** Of the time. */
const COMPENSATION_SHARE = 0.15;
/** Windows that levels learn from jointly: 384,000 tokens. */
const POOL = 1500;
const PEAK_LEARNING_RATE = 1e-3;
/** Tokens of the vocabulary that a step's loss is taken over; its targets name about 3500. */
const SAMPLED_TOKENS = 8192;

export interface SharedRecoveryOptions extends RecoveryTextOptions {
  readonly orders: readonly UnitOrder[];
  /** They learn together, all of them on the same change of the weights. */
  readonly levels: readonly {
    readonly level: Level;
    readonly layers: readonly LayerShape[];
    readonly objective: Objective;
  }[];
  readonly method: Objective;
  /** What each level has of its own. */
  readonly shape: AdapterShape<RuntimeSite>;
  readonly sharedRank: number;
  /** Per level. */
  readonly steps: number;
  readonly workFolder: string;
  readonly device: ComputeDevice;
}

/**
 * Recovers levels on weights that they share: compensation in closed form, then joint training
 * (docs/decisions/0057-shared-recovery.md). Killed and called again it ends with the same. Failures: those of the data
 * sets.
 */
export async function recoverOnSharedWeights(
  options: SharedRecoveryOptions,
  onFraction: OnFraction,
  signal: AbortSignal | undefined,
): Promise<Result<Recovered>> {
  const { model, orders, method, seed, sharedRank, shape, steps, workFolder, levels, device } = options;
  const { config } = model;
  const opened = openRecoveryText(options);
  if (!opened.ok) return opened;
  const { text, files } = opened.value;
  mkdirSync(workFolder, { recursive: true });
  const at = (from: number, to: number) => (fraction: number) => {
    signal?.throwIfAborted();
    onFraction(from + (to - from) * fraction);
  };
  const weightsIdentity = orderedModelHash(model, orders);
  const original = TrainingWeights.write(model, orders, join(workFolder, 'teacher'), at(0, 0.01), device);
  let changed: TrainingWeights | null = null;
  try {
    const compensation = await compensate(
      {
        weights: original,
        weightsIdentity,
        levels,
        windows: Array.from({ length: COMPENSATION_WINDOWS }, (_, i) => text.stream.window(i)),
        textIdentity: text.stream.sha256,
        workFolder,
      },
      at(0.01, COMPENSATION_SHARE),
      signal,
    );
    const compensated = recoveredModel(model, orders, {
      down: compensation.down,
      lowRank: { rank: 0, parameters: new Float32Array(0) },
    });
    const onLayer = at(COMPENSATION_SHARE, COMPENSATION_SHARE);
    changed = TrainingWeights.write(compensated, orders, join(workFolder, 'training'), onLayer, device);
    const recovered = await recoverJointly(
      {
        weights: changed,
        teacherWeights: original,
        weightsIdentity: runHash(weightsIdentity, 'compensated', COMPENSATION_WINDOWS),
        levels: inTurns(levels).map(({ level, layers, objective }) => ({
          level,
          layers,
          objective,
          // What a small level misses is large and would drown what the upper ones are yet to learn.
          weight: level / FULL_LEVEL,
          start: startOf(original, shape, seed, compensation.bias.get(level) ?? []),
        })),
        adapter: shape,
        sharedRank,
        startShared: startShared(config, sharedRank, seed),
        objective: method,
        steps,
        peakLearningRate: PEAK_LEARNING_RATE,
        seed,
        batch: BATCH,
        pool: POOL,
        sampledTokens: config.vocabSize > 2 * SAMPLED_TOKENS ? SAMPLED_TOKENS : null,
        text,
        workFolder,
      },
      ({ step, steps: all }) => at(COMPENSATION_SHARE, 1)(step / all),
      signal,
    );
    return ok({
      method: `${method}, ${levels.length} levels jointly on a change of the weights that they share (\`down\` compensated in closed form, then rank ${sharedRank} on all matrices), ${text.windowTokens} x ${BATCH} tokens a step`,
      data: [...files],
      levels: recovered.levels
        .map((each) => ({ ...each, steps, tokens: steps * BATCH * text.windowTokens }))
        .sort((a, b) => a.level - b.level),
      shared: { down: compensation.down, lowRank: { rank: sharedRank, parameters: recovered.shared } },
    });
  } finally {
    original.remove();
    changed?.remove();
  }
}

/** Large and small levels in turns, so that steps in a row do not all pull one way. */
function inTurns<T extends { readonly level: Level }>(levels: readonly T[]): T[] {
  const byLevel = [...levels].sort((a, b) => b.level - a.level);
  const half = Math.ceil(byLevel.length / 2);
  return byLevel.slice(0, half).flatMap((each, i) => [each, ...byLevel.slice(half + i, half + i + 1)]);
}

/** An adapter that changes nothing but for the biases of the compensation; norms as the model has them. */
function startOf(
  weights: TrainingWeights,
  shape: AdapterShape<RuntimeSite>,
  seed: number,
  biases: readonly Float32Array[],
): AdapterParameters {
  const { config } = weights;
  const parameters = startParameters(config, shape, seed);
  for (const { kind, layer, offset } of adapterLayout(config, shape).entries) {
    if (kind === 'bias') parameters.set(biases[layer] ?? [], offset);
    if (kind === 'attentionNorm' || kind === 'mlpNorm')
      parameters.set(weights.read(`${layer}.${kind}`), offset);
    if (kind === 'finalNorm') parameters.set(weights.read(WEIGHTS.finalNorm), offset);
  }
  return parameters;
}
