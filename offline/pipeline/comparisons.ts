import { join } from 'node:path';
import type { BundleManifest } from '../../core/bundle-manifest.ts';
import { FULL_LEVEL, type Level } from '../../core/level.ts';
import type { Comparison, TrainingBudget } from '../../core/quality-card.ts';
import { ok, unwrap, type Result } from '../../core/result.ts';
import { openLevels } from '../evaluation/bundle-levels.ts';
import type { BundleInFolder } from '../evaluation/evaluate-levels.ts';
import type { EvaluationSet } from '../evaluation/evaluation-set.ts';
import { measureComparison } from '../evaluation/quality-card.ts';
import type { ComputeDevice } from '../graph/compute-device.ts';
import { layerInfluence } from '../importance/layer-influence.ts';
import { measureImportance } from '../importance/measure-importance.ts';
import { orderUnits } from '../importance/unit-importance.ts';
import { planByLayers } from '../levels/rank-layers.ts';
import { planSingle } from '../levels/level-plan.ts';
import type { Learned } from '../recipe/loaded-recipe.ts';
import type { SourceModel } from '../sources/source-model.ts';
import { shapeAt } from '../training/layer-shape.ts';
import { TrainingWeights } from '../training/training-weights.ts';
import { calibrationText } from './calibration-text.ts';
import { writeComparedBundle, writeUntouchedBundle } from './compared-bundle.ts';
import { recoverAlike, recoveryOf, stepsOf } from './equal-recovery.ts';
import type { OnFraction, RecoveryMethod } from './stages.ts';

export interface ComparisonsOptions {
  readonly model: SourceModel;
  /** What the levels that are compared were made from. */
  readonly learned: Learned;
  /** Folder and manifest of their bundle, in the variant that is compared. */
  readonly bundle: { readonly folder: string; readonly manifest: BundleManifest };
  readonly set: EvaluationSet;
  /** How the levels were trained; the others are trained alike. */
  readonly method: Exclude<RecoveryMethod, 'none'>;
  /** Sizes to compare at. */
  readonly at: readonly Level[];
  readonly device: ComputeDevice;
  readonly dataFolder: string | null;
  /** Checkpoints and temporary bundles; a killed comparison goes on from them. */
  readonly workFolder: string;
}

/** A model to compare with, as a bundle's content. */
interface Rival {
  readonly kind: Comparison['kind'];
  readonly learned: Learned;
  readonly levels: readonly Level[];
  readonly budget: (level: Level) => TrainingBudget | null;
  readonly note?: string;
}

/**
 * The full model with the same recovery (part of any gain is adaptation to the text), whole layers dropped with as
 * many training steps as the level of that size took, and units ordered by magnitude without recovery;
 * all measured on the bundle's own held-out set and variant, divergence from the full model as it came.
 */
export async function measureComparisons(
  options: ComparisonsOptions,
  onProgress: (stage: string, fraction: number) => void,
  signal?: AbortSignal,
): Promise<Result<Comparison[]>> {
  const at =
    (stage: string): OnFraction =>
    (fraction) => {
      signal?.throwIfAborted();
      onProgress(stage, fraction);
    };
  const { model, learned, bundle, workFolder } = options;
  const untouched = await writeUntouchedBundle(
    join(workFolder, 'untouched'),
    { model, learned, variant: bundle.manifest.variant },
    at('writing the full model'),
    signal,
  );
  const comparisons: Comparison[] = [];
  for (const make of [control, layerDropping, magnitude]) {
    const rival = await make(options, at, signal);
    if (!rival.ok) return rival;
    comparisons.push(...(await measureRival(options, untouched, rival.value, at, signal)));
  }
  return ok(comparisons);
}

type MakeRival = (
  options: ComparisonsOptions,
  at: (stage: string) => OnFraction,
  signal: AbortSignal | undefined,
) => Promise<Result<Rival>>;

/** The full model has little to find: its held-out loss is flat well before this. */
const CONTROL_STEPS = 100;

const control: MakeRival = async (options, at, signal) => {
  const { model, learned, method } = options;
  const plan = planSingle(model.config);
  const asMuch = stepsOf(recoveryOf(learned), Math.max(...options.at) as Level);
  const layers = shapeAt(plan, model.config, plan.ranking.length);
  const steps = Math.max(1, Math.min(CONTROL_STEPS, asMuch));
  const target = { name: 'control', level: FULL_LEVEL, layers, steps, objective: method };
  const made = await recoverAlike(options, plan, [target], at('training the control'), signal);
  return made.ok ? ok({ kind: 'full', levels: [FULL_LEVEL], ...made.value }) : made;
};

const layerDropping: MakeRival = async (options, at, signal) => {
  const { model, learned, method, dataFolder, workFolder, device } = options;
  const text = calibrationText(model, dataFolder, 'taylor');
  if (!text.ok) return text;
  const folder = join(workFolder, 'influence');
  const weights = TrainingWeights.write(model, null, folder, at('reading weights'), device);
  let influence: number[];
  try {
    influence = await layerInfluence(weights, text.value.windows, at('block influence'));
  } finally {
    weights.remove();
  }
  const plan = planByLayers(model.config, influence);
  const recovery = recoveryOf(learned);
  // On weights that levels share the full level learns with them, as it does beside the levels that are compared.
  const full: Level[] = recovery.shared === null ? [] : [FULL_LEVEL];
  const targets = [...full, ...options.at]
    .sort((a, b) => b - a)
    .map((level) => {
      const prefix = plan.levels.find((entry) => entry.level === level)?.prefix ?? 0;
      return {
        name: `layers-${level}`,
        level,
        layers: shapeAt(plan, model.config, prefix),
        steps: Math.max(1, stepsOf(recovery, level)),
        objective: level === FULL_LEVEL ? ('distill' as const) : method,
      };
    });
  const made = await recoverAlike(options, plan, targets, at('training with dropped layers'), signal);
  if (!made.ok) return made;
  const order = [...influence.keys()].sort((a, b) => (influence[a] ?? 0) - (influence[b] ?? 0));
  const note = `Layers by Block Influence (ShortGPT), dropped first: ${order.slice(0, 12).join(', ')}.`;
  return ok({ kind: 'layer-dropping', levels: options.at, note, ...made.value });
};

const magnitude: MakeRival = async (options, at, signal) => {
  const { model, learned } = options;
  const importance = await measureImportance(
    model,
    [],
    { criterion: 'magnitude', folder: options.workFolder },
    at('magnitudes'),
    signal,
  );
  return ok({
    kind: 'magnitude',
    learned: { ...learned, orders: orderUnits(importance), recovery: null },
    levels: options.at,
    budget: () => null,
    note: 'Units ordered by the norm of their weights, the same level shapes, no recovery.',
  });
};

async function measureRival(
  { model, bundle, set, workFolder }: ComparisonsOptions,
  untouched: BundleInFolder,
  rival: Rival,
  at: (stage: string) => OnFraction,
  signal: AbortSignal | undefined,
): Promise<Comparison[]> {
  const { variant } = bundle.manifest;
  const inputs = { model, learned: rival.learned, variant };
  const writing = at(`writing ${rival.kind}`);
  const folder = join(workFolder, `rival-${rival.kind}`);
  const manifest = await writeComparedBundle(folder, inputs, writing, signal);
  const { levels } = manifest;
  const full = unwrap(await openLevels(untouched.folder, untouched.manifest));
  const own = unwrap(await openLevels(folder, manifest));
  try {
    const reference = full.levels.find(({ level }) => level === FULL_LEVEL)?.source;
    if (reference === undefined) throw new RangeError('a bundle has a full level');
    const measured: Comparison[] = [];
    for (const [i, level] of rival.levels.entries()) {
      const source = own.levels.find((entry) => entry.level === level)?.source;
      const entry = levels.find((candidate) => candidate.level === level);
      if (source === undefined || entry === undefined) continue;
      measured.push(
        await measureComparison(
          {
            kind: rival.kind,
            level,
            decoderRatio: entry.decoderRatio,
            recovery: rival.budget(level),
            variant,
            ...(rival.note === undefined ? {} : { note: rival.note }),
          },
          source,
          reference,
          set,
          ({ fraction }) => at(`measuring ${rival.kind}`)((i + fraction) / rival.levels.length),
          signal,
        ),
      );
    }
    return measured;
  } finally {
    await own.close();
    await full.close();
  }
}
