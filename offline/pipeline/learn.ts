import { createHash } from 'node:crypto';
import type { ModelConfig } from '../../core/model-config.ts';
import { encodeOrders } from '../../core/recipe-blobs.ts';
import type { RecipeData } from '../../core/recipe.ts';
import { encodeAdapter, type AdapterShape, type RuntimeSite } from '../../core/recovery-adapter.ts';
import { ok, type Result } from '../../core/result.ts';
import type { ComputeDevice } from '../graph/compute-device.ts';
import type { ImportanceCriterion } from '../importance/criteria.ts';
import { orderUnits, type UnitImportance } from '../importance/unit-importance.ts';
import { planSingle, type LevelPlan } from '../levels/level-plan.ts';
import { planByPolicy, type LevelShapeOptions } from '../levels/plan-by-policy.ts';
import type { Learned, LearnedRecovery } from '../recipe/loaded-recipe.ts';
import type { SourceModel } from '../sources/source-model.ts';
import { calibrationText } from './calibration-text.ts';
import { measuredCodec } from './measured-codec.ts';
import { recoveredCodec } from './recovered-codec.ts';
import type { MeasureStage, OnFraction, Recovered, RecoverStage, RecoveryMethod } from './stages.ts';
import type { WorkFolder } from './work-folder.ts';

/** Chosen on a slice that is neither calibration nor held-out: docs/decisions/0042-int8-by-smoothing.md. */
const SMOOTHING_STRENGTH = 0.5;

/** What is to be learned of a model, and how. */
export interface LearnOptions {
  readonly model: SourceModel;
  readonly dataFolder: string | null;
  readonly criterion: ImportanceCriterion;
  /** `single` = the uncut model. */
  readonly levels: LevelShapeOptions | 'single';
  readonly recovery: RecoveryMethod;
  readonly adapter: AdapterShape<RuntimeSite>;
  /** Rank of a change of the weights that all levels share; null leaves the weights as they are. */
  readonly sharedRank: number | null;
  /** Training steps per level. */
  readonly steps: number;
  readonly seed: number;
  readonly device: ComputeDevice;
}

export interface LearnStages {
  readonly measure: MeasureStage;
  readonly recover: RecoverStage;
}

export interface LearnProgress {
  readonly at: (stage: 'importance' | 'recovery') => OnFraction;
  /** The stage was done by an earlier run. */
  readonly given: (stage: 'importance' | 'recovery') => void;
}

/**
 * Importance, order, levels and recovery of a model. Each is kept in the work folder, so a run that was killed goes on
 * where it was and ends with the same. Failures: those of the text, of the level policy and of the recovery.
 */
export async function learn(
  options: LearnOptions,
  stages: LearnStages,
  work: WorkFolder,
  progress: LearnProgress,
  signal: AbortSignal | undefined,
): Promise<Result<{ readonly learned: Learned; readonly data: readonly RecipeData[] }>> {
  const { model, criterion, dataFolder, device } = options;
  const { config } = model;
  progress.at('importance')(0);
  const text = calibrationText(model, dataFolder, criterion);
  if (!text.ok) return text;
  const data: RecipeData[] = [text.value.data];
  const measuredKey = { model: model.sha256, config, criterion, text: text.value.data.sha256 };
  const before = work.has('importance', measuredKey);
  const measured = await work.once('importance', measuredKey, measuredCodec(config), () =>
    stages.measure(
      model,
      { criterion, text: text.value, scratch: work.scratch, device },
      progress.at('importance'),
      signal,
    ),
  );
  if (before) progress.given('importance');
  const { importance, ranges } = measured;
  const plan = planOf(config, importance, options.levels);
  if (!plan.ok) return plan;
  const orders = orderUnits(importance);
  let recovery: LearnedRecovery | null = null;
  if (options.recovery !== 'none' && options.levels !== 'single') {
    const { recovery: method, adapter: shape, sharedRank, steps, seed } = options;
    const ordersHash = createHash('sha256').update(encodeOrders(config, orders)).digest('hex');
    const training = { plan: plan.value, method, shape, sharedRank, steps, seed, dataFolder };
    const key = { model: model.sha256, ordersHash, ...training };
    const workFolder = work.stageFolder('recovery', key);
    const given = work.has('recovered', key);
    const recovered = await recoverOnce(work, key, config, shape, () =>
      stages.recover({ ...training, model, orders, workFolder, device }, progress.at('recovery'), signal),
    );
    if (!recovered.ok) return recovered;
    if (given) progress.given('recovery');
    for (const { name, sha256 } of recovered.value.data) data.push({ use: 'recovery', name, sha256 });
    recovery = packRecovery(recovered.value, shape, seed);
  }
  const { method } = importance;
  return ok({
    learned: {
      importance: { criterion, method, calibration: text.value.name },
      plan: plan.value,
      orders,
      ranges,
      smoothing: SMOOTHING_STRENGTH,
      recovery,
      tlm: null,
    },
    data,
  });
}

function planOf(
  config: ModelConfig,
  importance: UnitImportance,
  levels: LearnOptions['levels'],
): Result<LevelPlan> {
  return levels === 'single' ? ok(planSingle(config)) : planByPolicy(config, importance, levels);
}

/** A failure as a value passes through the work folder's `once`, which keeps values alone. */
class Refused extends Error {
  readonly result: Result<never>;
  constructor(result: Result<never>) {
    super('refused');
    this.result = result;
  }
}

async function recoverOnce(
  work: WorkFolder,
  key: unknown,
  config: ModelConfig,
  shape: AdapterShape<RuntimeSite>,
  recover: () => Promise<Result<Recovered>>,
): Promise<Result<Recovered>> {
  try {
    return ok(
      await work.once('recovered', key, recoveredCodec(config, shape), async () => {
        const result = await recover();
        if (!result.ok) throw new Refused(result);
        return result.value;
      }),
    );
  } catch (error) {
    if (error instanceof Refused) return error.result;
    throw error;
  }
}

/** Adapters one after the other as f16, with where each lies; and what the levels share. */
export function packRecovery(
  { method, levels, shared }: Recovered,
  shape: AdapterShape<RuntimeSite>,
  seed: number,
): LearnedRecovery {
  const parts = levels.map(({ parameters }) => encodeAdapter(parameters));
  let offset = 0;
  const entries = levels.map(({ level, steps, tokens, heldOutLoss }, i) => {
    const lengthBytes = parts[i]?.length ?? 0;
    offset += lengthBytes;
    return { level, offset: offset - lengthBytes, lengthBytes, steps, tokens, heldOutLoss };
  });
  const { sites, rank, bias, norms } = shape;
  return {
    about: { method, seed, sites: [...sites], rank, bias, norms, levels: entries },
    bytes: Buffer.concat(parts),
    shared: shared && {
      rank: shared.lowRank.rank,
      lowRank: encodeAdapter(shared.lowRank.parameters),
      down: Buffer.concat(shared.down),
    },
  };
}
