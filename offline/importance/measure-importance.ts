import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownedName } from '../bundle/leftovers.ts';
import type { SourceModel } from '../sources/source-model.ts';
import { TrainingWeights } from '../training/training-weights.ts';
import { activationImportance } from './activation-importance.ts';
import { blockLosses, meanLosses, type BlockLosses } from './block-losses.ts';
import { CalibrationModel, type ActivationStatistics } from './calibration-model.ts';
import {
  CRITERION_METHODS,
  DEFAULT_CRITERION,
  isGradientCriterion,
  type GradientCriterion,
  type ImportanceCriterion,
} from './criteria.ts';
import { GradientModel, type ImportanceWindow } from './gradient-model.ts';
import { magnitudeScores } from './magnitude-scores.ts';
import type { UnitImportance } from './unit-importance.ts';
import { mixScores, ScoreAccumulator, type UnitScores } from './unit-scores.ts';

export interface ImportanceOptions {
  readonly criterion?: ImportanceCriterion;
  /** An open calibration model to use; else one is opened and closed. */
  readonly calibration?: CalibrationModel;
  /** Activations over the same windows, where they are known already. */
  readonly statistics?: ActivationStatistics;
  /** Where temporary f32 copies of the weights go; default: the system's folder for temporary files. */
  readonly folder?: string;
}

/** Shares of the time: SmolLM2-135M on 2 cores, 48 windows of 256 tokens. */
const BLOCKS_SHARE = 0.25;
const STATISTICS_SHARE = 0.1;

/**
 * How much every unit and every block matters. Units by the criterion over all windows, which must be of one
 * length; blocks by what the model loses without them, on the first window of each domain.
 *
 * @param onProgress 0..1
 * @throws the signal's reason when aborted
 */
export async function measureImportance(
  model: SourceModel,
  windows: readonly ImportanceWindow[],
  options: ImportanceOptions = {},
  onProgress: (fraction: number) => void = () => undefined,
  signal?: AbortSignal,
): Promise<UnitImportance> {
  const criterion = options.criterion ?? DEFAULT_CRITERION;
  const report = (from: number, share: number) => (fraction: number) => {
    signal?.throwIfAborted();
    onProgress(from + share * fraction);
  };
  report(0, 0)(0);
  const calibration =
    options.calibration ?? (await CalibrationModel.open(model, report(0, 0.05), options.folder));
  try {
    const losses = await lossesOverDomains(calibration, windows, report(0.05, BLOCKS_SHARE));
    const afterLosses = 0.05 + BLOCKS_SHARE;
    const activations = async (): Promise<UnitImportance> => {
      const texts = windows.map(({ ids }) => [...ids]);
      const statistics =
        options.statistics ?? (await calibration.statistics(texts, report(afterLosses, STATISTICS_SHARE)));
      return activationImportance(model, statistics, losses);
    };
    if (criterion === 'activation') return await activations();
    if (criterion === 'magnitude') return importanceOf(criterion, magnitudeScores(model), losses);
    const sizes = criterion === 'taylor-activation' ? (await activations()).layers : null;
    const gradients = report(afterLosses + STATISTICS_SHARE, 1 - afterLosses - STATISTICS_SHARE);
    const scores = await gradientScores(model, windows, criterion, options.folder ?? tmpdir(), gradients);
    return importanceOf(criterion, sizes === null ? scores : mixScores(scores, sizes), losses);
  } finally {
    if (options.calibration === undefined) await calibration.close();
  }
}

function importanceOf(
  criterion: ImportanceCriterion,
  scores: readonly UnitScores[],
  losses: readonly BlockLosses[],
): UnitImportance {
  return {
    method: `${CRITERION_METHODS[criterion]}, blocks by divergence without them`,
    acrossLayers: isGradientCriterion(criterion),
    layers: scores.map((units, layer) => ({
      ...units,
      ...(losses[layer] ?? { mlp: 0, attention: 0, layer: 0 }),
    })),
  };
}

async function lossesOverDomains(
  calibration: CalibrationModel,
  windows: readonly ImportanceWindow[],
  onProgress: (fraction: number) => void,
): Promise<BlockLosses[]> {
  const domains = [...new Set(windows.map(({ domain }) => domain))];
  const probes: BlockLosses[][] = [];
  for (const [index, domain] of domains.entries()) {
    const ids = windows.find((window) => window.domain === domain)?.ids ?? [];
    const step = (fraction: number): void => onProgress((index + fraction) / domains.length);
    probes.push(await blockLosses(calibration, [...ids], step));
  }
  return meanLosses(probes);
}

/** One backward pass per window over a temporary f32 copy of the weights. */
async function gradientScores(
  model: SourceModel,
  windows: readonly ImportanceWindow[],
  criterion: GradientCriterion,
  parent: string,
  onProgress: (fraction: number) => void,
): Promise<UnitScores[]> {
  const tokens = windows[0]?.ids.length ?? 0;
  if (windows.some(({ ids }) => ids.length !== tokens))
    throw new RangeError('calibration windows differ in length');
  const folder = mkdtempSync(join(parent, ownedName('bungee-importance-')));
  try {
    const weights = TrainingWeights.write(model, null, folder, (fraction) => onProgress(0.1 * fraction));
    const of = criterion === 'taylor-weights' ? 'weights' : 'masks';
    const gradients = await GradientModel.open(weights, tokens, of);
    try {
      const scores = new ScoreAccumulator(model.config, criterion === 'fisher' ? 'square' : 'absolute');
      for (const [index, window] of windows.entries()) {
        scores.add(window.domain, (await gradients.run(window)).scores);
        onProgress(0.1 + (0.9 * (index + 1)) / windows.length);
      }
      return scores.result();
    } finally {
      await gradients.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
