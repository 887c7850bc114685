import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownedName } from '../bundle/leftovers.ts';
import type { ComputeDevice } from '../graph/compute-device.ts';
import type { SourceModel } from '../sources/source-model.ts';
import type { WindowIds } from '../training/batch-feeds.ts';
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
import { eliminationScores } from './elimination-scores.ts';
import { GradientModel, type ImportanceWindow } from './gradient-model.ts';
import { layerInfluence } from './layer-influence.ts';
import { magnitudeScores } from './magnitude-scores.ts';
import type { CutLosses, UnitImportance } from './unit-importance.ts';
import { mixScores, ScoreAccumulator, withNeuronOrder, type UnitScores } from './unit-scores.ts';

export interface ImportanceOptions {
  readonly criterion?: ImportanceCriterion;
  /** An open calibration model to use; else one is opened and closed. */
  readonly calibration?: CalibrationModel;
  /** Activations over the same windows, where they are known already. */
  readonly statistics?: ActivationStatistics;
  /** Windows to eliminate neurons by; default: the same. They see no gradients, so there may be more of them. */
  readonly eliminationWindows?: readonly WindowIds[];
  /** Where temporary f32 copies of the weights go; default: the system's folder for temporary files. */
  readonly folder?: string;
  /** For gradients and hidden values, default `cpu`. */
  readonly device?: ComputeDevice;
}

/** Shares of the time: SmolLM2-135M on 2 cores, 48 windows of 256 tokens. */
const BLOCKS_SHARE = 0.25;
const STATISTICS_SHARE = 0.1;
/** Of what is left then. */
const ELIMINATION_SHARE = 0.75;

/** What cuts are measured on: windows of each domain, and tokens of each. */
const PROBE_WINDOWS = 2;
const PROBE_TOKENS = 128;

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
    const mixed = criterion === 'taylor-activation' || criterion === 'taylor-elimination';
    const sizes = mixed ? (await activations()).layers : null;
    const from = afterLosses + STATISTICS_SHARE;
    const eliminates = criterion === 'taylor-elimination';
    const gradients = report(from, (1 - from) * (eliminates ? 1 - ELIMINATION_SHARE : 1));
    const elimination = report(1 - (1 - from) * ELIMINATION_SHARE, (1 - from) * ELIMINATION_SHARE);
    const folder = options.folder ?? tmpdir();
    const onLayer = (fraction: number): void => gradients(0.1 * fraction);
    const device = options.device ?? 'cpu';
    return await withTrainingWeights(model, { parent: folder, device }, onLayer, async (weights) => {
      const onWindow = (fraction: number): void => gradients(0.1 + 0.9 * fraction);
      const taylor = await gradientScores(weights, windows, criterion, onWindow);
      const scores = sizes === null ? taylor : mixScores(taylor, sizes);
      const influence = await layerInfluence(weights, windows, () => gradients(1));
      if (!eliminates) return importanceOf(criterion, scores, losses, influence);
      const seen = options.eliminationWindows ?? windows;
      const eliminated = await eliminationScores(weights, seen, probeWindows(windows), elimination);
      const ordered = withNeuronOrder(
        scores,
        eliminated.map(({ neurons }) => neurons),
      );
      const cuts = eliminated.map((layer) => layer.cuts);
      return importanceOf(criterion, ordered, losses, influence, cuts);
    });
  } finally {
    if (options.calibration === undefined) await calibration.close();
  }
}

function importanceOf(
  criterion: ImportanceCriterion,
  scores: readonly UnitScores[],
  losses: readonly BlockLosses[],
  influence: readonly number[] = [],
  cuts: readonly CutLosses[] = [],
): UnitImportance {
  return {
    method: `${CRITERION_METHODS[criterion]}, blocks by divergence without them`,
    acrossLayers: isGradientCriterion(criterion),
    layers: scores.map((units, layer) => ({
      ...units,
      ...(losses[layer] ?? { mlp: 0, attention: 0, layer: 0 }),
      ...(influence[layer] === undefined ? {} : { influence: influence[layer] }),
      ...(cuts[layer] === undefined ? {} : { cuts: cuts[layer] }),
    })),
  };
}

/** The beginnings of the first windows of each domain. */
function probeWindows(windows: readonly ImportanceWindow[]): WindowIds[] {
  const seen = new Map<string, number>();
  return windows.flatMap(({ domain, ids, documents }) => {
    const before = seen.get(domain) ?? 0;
    seen.set(domain, before + 1);
    if (before >= PROBE_WINDOWS) return [];
    return [{ ids: ids.slice(0, PROBE_TOKENS), documents: documents.slice(0, PROBE_TOKENS) }];
  });
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

/** One backward pass per window. */
async function gradientScores(
  weights: TrainingWeights,
  windows: readonly ImportanceWindow[],
  criterion: GradientCriterion,
  onProgress: (fraction: number) => void,
): Promise<UnitScores[]> {
  const tokens = windows[0]?.ids.length ?? 0;
  if (windows.some(({ ids }) => ids.length !== tokens))
    throw new RangeError('calibration windows differ in length');
  const of = criterion === 'taylor-weights' ? 'weights' : 'masks';
  const gradients = await GradientModel.open(weights, tokens, of);
  try {
    const scores = new ScoreAccumulator(weights.config, criterion === 'fisher' ? 'square' : 'absolute');
    for (const [index, window] of windows.entries()) {
      scores.add(window.domain, (await gradients.run(window)).scores);
      onProgress((index + 1) / windows.length);
    }
    return scores.result();
  } finally {
    await gradients.close();
  }
}

/** Over a temporary f32 copy of the weights, in the model's own order of units. */
async function withTrainingWeights<T>(
  model: SourceModel,
  { parent, device }: { readonly parent: string; readonly device: ComputeDevice },
  onLayer: (fraction: number) => void,
  use: (weights: TrainingWeights) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(parent, ownedName('bungee-importance-')));
  try {
    return await use(TrainingWeights.write(model, null, folder, onLayer, device));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
