import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BundleLevel, BundleManifest, Variant } from '../../core/bundle-manifest.ts';
import type { RecordedBundle } from '../../core/recipe.ts';
import type { TextWindows } from '../importance/calibration-text.ts';
import type { Learned } from '../recipe/loaded-recipe.ts';
import type { SourceModel } from '../sources/source-model.ts';
import { readAdapters } from './adapters-file.ts';
import { finishBundle, type BundleRecord } from './finish-bundle.ts';
import { measureQuality, type LevelAdapters } from './measure-quality.ts';
import { BUNDLE_FILES, writeBundleContent, type BundleParts } from './write-content.ts';

/** A variant and the folder that it is written into. */
export interface VariantFolder {
  readonly variant: Variant;
  readonly folder: string;
}

/** Measures the bundles in these folders and returns the text of their quality card. */
export type CardStage = (
  folders: readonly VariantFolder[],
  learned: Learned,
  onFraction: (fraction: number) => void,
  signal: AbortSignal | undefined,
) => Promise<string>;

export interface BuildVariantsOptions {
  readonly model: SourceModel;
  readonly learned: Learned;
  /** The first is the one that is asked for; others are built to be recorded. */
  readonly variants: readonly Variant[];
  /** Folder of the first variant's bundle. */
  readonly folder: string;
  /** For the other variants. */
  readonly scratch: string;
  readonly windows: TextWindows;
  readonly madeBy: BundleRecord['madeBy'];
  /** Bundles of the same weights and the same learning whose quality is known. */
  readonly recorded: readonly RecordedBundle[];
  /** null = no card. */
  readonly card: CardStage | null;
}

export interface BuildProgress {
  readonly at: (stage: 'write weights' | 'measure quality' | 'quality card') => (fraction: number) => void;
}

/** In the order of the variants. */
export interface BuiltVariants {
  readonly manifests: readonly BundleManifest[];
  readonly qualityCard: string | null;
}

interface Content extends VariantFolder {
  readonly parts: BundleParts;
  readonly levels: readonly BundleLevel[];
}

function adaptersOf({ folder, parts: { recovery } }: Omit<Content, 'levels'>): LevelAdapters | null {
  if (recovery === null) return null;
  return { shape: recovery, levels: readAdapters(join(folder, recovery.file), recovery.levels) };
}

/** Builds and measures the bundles of all variants; the manifests name the card, so it comes last but one. */
export async function buildVariants(
  options: BuildVariantsOptions,
  progress: BuildProgress,
  signal: AbortSignal | undefined,
): Promise<BuiltVariants> {
  const { model, learned, variants, windows, madeBy } = options;
  const part = (stage: Parameters<BuildProgress['at']>[0], index: number) => (fraction: number) =>
    progress.at(stage)((index + fraction) / variants.length);
  const contents: Omit<Content, 'levels'>[] = [];
  for (const [i, variant] of variants.entries()) {
    const folder = i === 0 ? options.folder : join(options.scratch, `variant-${variant}`);
    mkdirSync(folder, { recursive: true });
    const parts = writeBundleContent(folder, { model, learned, variant }, part('write weights', i));
    contents.push({ variant, folder, parts });
  }
  const measured: Content[] = [];
  for (const [i, content] of contents.entries()) {
    const before = options.recorded.find(({ variant }) => variant === content.variant);
    const levels =
      before === undefined
        ? await measureQuality(
            join(content.folder, BUNDLE_FILES.zeroRow),
            model.config,
            learned.plan,
            windows.heldOut,
            windows.heldOutName,
            part('measure quality', i),
            adaptersOf(content),
          )
        : withQuality(learned.plan.levels, before);
    measured.push({ ...content, levels });
  }
  const finish = async (card: string | null): Promise<BundleManifest[]> => {
    const manifests: BundleManifest[] = [];
    for (const { folder, variant, levels, parts } of measured)
      manifests.push(
        await finishBundle(
          folder,
          { model, learned, variant },
          { levels, parts, qualityCard: card, madeBy },
          signal,
        ),
      );
    return manifests;
  };
  if (options.card === null) return { manifests: await finish(null), qualityCard: null };
  // The card is measured on whole bundles; it then goes into them.
  await finish(null);
  const qualityCard = await options.card(measured, learned, progress.at('quality card'), signal);
  return { manifests: await finish(qualityCard), qualityCard };
}

/** Levels with the quality that a recipe records. */
export function withQuality(
  levels: readonly BundleLevel[],
  recorded: Pick<RecordedBundle, 'quality'>,
): BundleLevel[] {
  return levels.map((level) => {
    const quality = recorded.quality.find((entry) => entry.level === level.level)?.quality;
    return quality === undefined ? level : { ...level, quality };
  });
}

/** What a recipe keeps of a bundle. */
export function recordOf({ variant, bundleId, files, levels }: BundleManifest): RecordedBundle {
  return { variant, bundleId, files, quality: levels.map(({ level, quality }) => ({ level, quality })) };
}
