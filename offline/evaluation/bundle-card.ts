import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BundleManifest } from '../../core/bundle-manifest.ts';
import { parseQualityCard, QUALITY_CARD_FILE, type QualityCard } from '../../core/quality-card.ts';
import { describeFailure } from '../../core/result.ts';

/** A bundle's own card, or why there is none; `note` also tells when the card is of other weights. */
export interface BundleCard {
  readonly card: QualityCard | null;
  readonly note: string | null;
}

/** The quality card beside the manifest: where control and baselines come from. */
export function readBundleCard(
  folder: string,
  manifest: Pick<BundleManifest, 'files' | 'graph'>,
): BundleCard {
  const path = join(folder, QUALITY_CARD_FILE);
  if (!existsSync(path))
    return {
      card: null,
      note: `The bundle has no ${QUALITY_CARD_FILE}: control and baselines were not measured for it.`,
    };
  const card = parseQualityCard(readFileSync(path, 'utf8'), path);
  if (!card.ok) return { card: null, note: describeFailure(card.failure) };
  const own = manifest.files.find((file) => file.path === manifest.graph.weights)?.sha256;
  const measuredHere = card.value.measuredOn.some(({ weightsSha256 }) => weightsSha256 === own);
  return {
    card: card.value,
    note: measuredHere
      ? null
      : 'The card was measured on other weights than these (another variant, or other base weights).',
  };
}
