import type { Level } from '../../core/level.ts';
import type { LayerRanges } from '../../core/recipe-blobs.ts';
import type { AdapterParameters, AdapterShape, RuntimeSite } from '../../core/recovery-adapter.ts';
import type { Result } from '../../core/result.ts';
import type { ComputeDevice } from '../graph/compute-device.ts';
import type { ImportanceCriterion } from '../importance/criteria.ts';
import type { UnitImportance, UnitOrder } from '../importance/unit-importance.ts';
import type { LevelPlan } from '../levels/level-plan.ts';
import type { SharedChange } from '../recovery/recovered-model.ts';
import type { SourceModel } from '../sources/source-model.ts';
import type { CalibrationText } from './calibration-text.ts';

/** Progress inside of a stage, 0..1; may throw to cancel. */
export type OnFraction = (fraction: number) => void;

export interface MeasureOptions {
  readonly criterion: ImportanceCriterion;
  readonly text: CalibrationText;
  /** For temporary files; removed after the run. */
  readonly scratch: string;
  readonly device: ComputeDevice;
}

export interface Measured {
  readonly importance: UnitImportance;
  /** Per layer, for int8. */
  readonly ranges: readonly LayerRanges[];
}

/** Finds out how much each unit matters, and how large the activations get. */
export type MeasureStage = (
  model: SourceModel,
  options: MeasureOptions,
  onFraction: OnFraction,
  signal: AbortSignal | undefined,
) => Promise<Measured>;

/** How levels are brought back; `none` leaves them as they were cut. */
export const RECOVERY_METHODS = ['none', 'distill', 'next-token', 'mixed'] as const;
export type RecoveryMethod = (typeof RECOVERY_METHODS)[number];

export interface RecoverStageOptions {
  readonly model: SourceModel;
  readonly orders: readonly UnitOrder[];
  readonly plan: LevelPlan;
  readonly method: Exclude<RecoveryMethod, 'none'>;
  readonly shape: AdapterShape<RuntimeSite>;
  /** Rank of a change of the weights that all levels share; null leaves the weights as they are (paper §2.5). */
  readonly sharedRank: number | null;
  /** Per level. */
  readonly steps: number;
  readonly seed: number;
  readonly dataFolder: string | null;
  /** Kept over kills, for this very training alone: checkpoints and large temporary files go here. */
  readonly workFolder: string;
  readonly device: ComputeDevice;
}

export interface RecoveredLevel {
  readonly level: Level;
  readonly parameters: AdapterParameters;
  readonly heldOutLoss: number | null;
  readonly steps: number;
  /** Seen in training. */
  readonly tokens: number;
}

export interface Recovered {
  /** In words, for the manifest. */
  readonly method: string;
  /** Text that it was trained on. */
  readonly data: readonly { readonly name: string; readonly sha256: string }[];
  readonly levels: readonly RecoveredLevel[];
  /** null where the weights stay as they are. */
  readonly shared: SharedChange | null;
}

/** Trains the adapters of all levels; killed and called again it ends with the same. */
export type RecoverStage = (
  options: RecoverStageOptions,
  onFraction: OnFraction,
  signal: AbortSignal | undefined,
) => Promise<Result<Recovered>>;
