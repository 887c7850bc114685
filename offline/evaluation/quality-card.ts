import { join } from 'node:path';
import type { BundleManifest } from '../../core/bundle-manifest.ts';
import type { Level } from '../../core/level.ts';
import {
  QUALITY_CARD_SCHEMA_VERSION,
  type CardLevel,
  type Comparison,
  type QualityCard,
  type QualityFigures,
  type TrainingBudget,
} from '../../core/quality-card.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { hashFile } from '../bundle/hash-file.ts';
import type { OnProgress } from '../progress.ts';
import { CONVENTIONS, evaluateLevels, type BundleInFolder, type EvaluatedLevel } from './evaluate-levels.ts';
import type { EvaluationSet } from './evaluation-set.ts';
import type { LogitsSource } from './logits-source.ts';
import { measureFigures } from './measure-figures.ts';
import { runtimeDescription } from './runtime-description.ts';

/** A bundle, or one under way, in one of the card's variants. */
export interface CardBundle extends BundleInFolder {
  /** The full model as it came, in this variant; default: the bundle's full level. */
  readonly reference?: BundleInFolder;
}

export interface QualityCardOptions {
  /** The base weights. */
  readonly model: QualityCard['model'];
  /** The f32 form and the shipped one (which comes last); the same levels in each. */
  readonly bundles: readonly CardBundle[];
  /** Questions are answered by the shipped form alone: they cost most, and storage moves them least. */
  readonly set: EvaluationSet;
  /** The training behind a level; null where it has none. */
  readonly recovery: (level: Level) => TrainingBudget | null;
  /** Measured apart, on the same set: {@link measureComparison}. */
  readonly comparisons?: readonly Comparison[];
}

/** Measures the card of a bundle. Failures: those of {@link evaluateLevels}. */
export async function measureQualityCard(
  options: QualityCardOptions,
  onProgress: OnProgress = () => undefined,
  signal?: AbortSignal,
): Promise<Result<QualityCard>> {
  const { bundles, set } = options;
  const shipped = bundles.at(-1);
  if (shipped === undefined) throw new RangeError('a card needs a bundle to measure');
  const levels = new Map<Level, CardLevel>();
  const measuredOn: QualityCard['measuredOn'][number][] = [];
  let untouched: QualityCard['untouched'];
  for (const [i, { folder, manifest, reference }] of bundles.entries()) {
    const evaluated = await evaluateLevels(
      { folder, manifest, reference, set: i === bundles.length - 1 ? set : { ...set, questions: [] } },
      ({ stage, fraction, etaSeconds }) =>
        onProgress({
          stage: `${manifest.variant}: ${stage}`,
          fraction: (i + fraction) / bundles.length,
          etaSeconds,
        }),
      signal,
    );
    if (!evaluated.ok) return evaluated;
    for (const level of evaluated.value.levels) addFigures(levels, level, options.recovery(level.level));
    const ownReference = evaluated.value.reference;
    if (ownReference !== null) untouched = { ...untouched, [manifest.variant]: ownReference };
    try {
      measuredOn.push({ variant: manifest.variant, ...(await hashesOf(folder, manifest, signal)) });
    } catch (error) {
      if (signal?.aborted === true) return fail('cancelled', 'The evaluation was cancelled.');
      throw error;
    }
  }
  const { cpu, onnxruntime } = runtimeDescription();
  return ok(
    withComparisons(
      {
        schemaVersion: QUALITY_CARD_SCHEMA_VERSION,
        model: options.model,
        shippedVariant: shipped.manifest.variant,
        measuredOn,
        texts: [...set.texts, ...set.questions].map(({ about }) => about),
        levels: [...levels.values()],
        ...(untouched === undefined ? {} : { untouched }),
        control: null,
        baselines: [],
        conventions: [...CONVENTIONS],
        environment: { cpu, onnxruntime },
      },
      options.comparisons ?? [],
    ),
  );
}

function addFigures(
  levels: Map<Level, CardLevel>,
  { level, decoderRatio, totalRatio, variant, perplexity, kl, accuracy }: EvaluatedLevel,
  recovery: TrainingBudget | null,
): void {
  const before = levels.get(level);
  levels.set(level, {
    level,
    decoderRatio,
    totalRatio,
    recovery,
    figures: { ...before?.figures, [variant]: { perplexity, kl, accuracy } },
  });
}

async function hashesOf(
  folder: string,
  { graph, recovery }: Pick<BundleManifest, 'graph' | 'recovery'>,
  signal: AbortSignal | undefined,
): Promise<{ weightsSha256: string; adaptersSha256: string | null }> {
  return {
    weightsSha256: await hashFile(join(folder, graph.weights), signal),
    adaptersSha256: recovery === undefined ? null : await hashFile(join(folder, recovery.file), signal),
  };
}

/** What a comparison is, without its figures. */
export type ComparedModel = Omit<Comparison, 'figures'>;

/**
 * Measures a model that the levels are compared with, in any form that gives logits.
 *
 * @param full the full model that divergences are from, of the same variant.
 */
export async function measureComparison(
  about: ComparedModel,
  model: LogitsSource,
  full: LogitsSource,
  set: EvaluationSet,
  onProgress: OnProgress = () => undefined,
  signal?: AbortSignal,
): Promise<Comparison> {
  const { figures } = await measureFigures([model], full, set, onProgress, signal);
  return { ...about, figures: figures[0] as QualityFigures };
}

/** The card with further comparisons; one of the same kind and size takes the place of what the card had. */
export function withComparisons(card: QualityCard, comparisons: readonly Comparison[]): QualityCard {
  const added = comparisons.filter(({ kind }) => kind !== 'full');
  const kept = card.baselines.filter(
    ({ kind, level }) => !added.some((own) => own.kind === kind && own.level === level),
  );
  return {
    ...card,
    control: comparisons.find(({ kind }) => kind === 'full') ?? card.control,
    baselines: [...kept, ...added].sort((a, b) => a.kind.localeCompare(b.kind) || b.level - a.level),
  };
}
