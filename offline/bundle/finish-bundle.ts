import { createHash } from 'node:crypto';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  bundleSchemaVersion,
  MANIFEST_FILE,
  manifestIdentityText,
  parseManifest,
  staticFiles,
  type BundleLevel,
  type BundleManifest,
} from '../../core/bundle-manifest.ts';
import { QUALITY_CARD_FILE } from '../../core/quality-card.ts';
import { hashFile } from './hash-file.ts';
import type { Learned } from '../recipe/loaded-recipe.ts';
import { BUNDLE_FILES, type BundleInputs, type BundleParts } from './write-content.ts';

/** What a manifest tells of the making, beside the content. */
export interface BundleRecord {
  readonly levels: readonly BundleLevel[];
  readonly parts: BundleParts;
  /** Text of the quality card. */
  readonly qualityCard: string | null;
  readonly madeBy: Pick<BundleManifest['madeBy'], 'version' | 'command' | 'seed' | 'measuredOn'>;
}

/** Writes card and manifest over a folder's content: the bundle is then complete. */
export async function finishBundle(
  folder: string,
  { model, learned, variant }: BundleInputs,
  record: BundleRecord,
  signal: AbortSignal | undefined,
): Promise<BundleManifest> {
  const at = (name: string): string => join(folder, name);
  if (record.qualityCard !== null) writeFileSync(at(QUALITY_CARD_FILE), record.qualityCard);
  const { recovery, staticPrefill } = record.parts;
  const files = [];
  for (const path of [...Object.values(BUNDLE_FILES), QUALITY_CARD_FILE, ...staticFiles(staticPrefill)])
    if (existsSync(at(path)))
      files.push({ path, sizeBytes: statSync(at(path)).size, sha256: await hashFile(at(path), signal) });
  const { plan, importance } = learned;
  const content: Omit<BundleManifest, 'bundleId'> = {
    schemaVersion: bundleSchemaVersion(recovery),
    name: model.name,
    variant,
    model: model.config,
    tokenizer: {
      file: BUNDLE_FILES.tokenizer,
      chatTemplate: model.tokenizer.chatTemplate,
      bosTokenId: model.tokenizer.bosTokenId,
      eosTokenIds: [...model.tokenizer.eosTokenIds],
      addBos: model.tokenizer.addBos,
    },
    graph: {
      zeroRow: BUNDLE_FILES.zeroRow,
      conditional: BUNDLE_FILES.conditional,
      weights: BUNDLE_FILES.weights,
      firstTokenAlone: false,
    },
    segments: plan.segments,
    ranking: plan.ranking,
    alwaysOn: plan.alwaysOn,
    levels: [...record.levels],
    ...(recovery === null ? {} : { recovery }),
    ...tlmEntry(learned),
    staticPrefill,
    files,
    licence: model.licence,
    madeBy: {
      tool: 'bungee elasticize',
      source: { name: model.name, sha256: model.sha256, format: model.format },
      importance: importance.method,
      calibration: importance.calibration,
      ...record.madeBy,
    },
  };
  const bundleId = createHash('sha256').update(manifestIdentityText(content)).digest('hex');
  const text = `${JSON.stringify({ ...content, bundleId }, null, 2)}\n`;
  // What was written must be readable; a manifest that is not is a bug of the writer.
  const manifest = parseManifest(text, MANIFEST_FILE);
  if (!manifest.ok) throw new Error(manifest.failure.message);
  writeFileSync(at(MANIFEST_FILE), text);
  return manifest.value;
}

function tlmEntry({ tlm }: Learned): Pick<BundleManifest, 'tlm'> {
  if (tlm === null) return {};
  const { config, quality, method } = tlm.about;
  return {
    tlm: { graph: BUNDLE_FILES.tlmGraph, weights: BUNDLE_FILES.tlmWeights, config, quality, method },
  };
}
