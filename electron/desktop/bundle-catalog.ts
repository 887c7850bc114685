import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type BundleManifest, MANIFEST_FILE, parseManifest } from '../../core/bundle-manifest.ts';
import type { BundleRow } from '../../core/desktop-state.ts';
import { fail, type Failure, type Result } from '../../core/result.ts';
import { errorCode, errorMessage } from '../files/atomic-file.ts';

export interface BundleFolder {
  readonly path: string;
  readonly builtIn: boolean;
}

export interface CatalogEntry {
  readonly row: BundleRow;
  /** null where the manifest can't be read. */
  readonly manifest: BundleManifest | null;
}

/** Reads the manifest of one bundle folder. Failures: `bundle-missing`, and those of `parseManifest`. */
export async function readBundle(path: string): Promise<Result<BundleManifest>> {
  const file = join(path, MANIFEST_FILE);
  try {
    return parseManifest(await readFile(file, 'utf8'), file);
  } catch (error) {
    return errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR'
      ? fail(
          'bundle-missing',
          `${path} holds no ${MANIFEST_FILE}, so it is no bundle.`,
          'Make one: `npm run elasticize`.',
        )
      : fail('bundle-missing', `${file} can't be read: ${errorMessage(error)}.`);
  }
}

/** The bundles in the given folders (each a bundle, or a folder of bundles), damaged ones included. */
export async function listBundles(folders: readonly BundleFolder[]): Promise<CatalogEntry[]> {
  const entries = new Map<string, CatalogEntry>();
  for (const { path, builtIn } of folders) {
    const own = await entryOf(resolve(path), builtIn);
    if (own !== null) {
      entries.set(own.row.path, own);
      continue;
    }
    const names = await readdir(path).catch(() => []);
    for (const name of names.sort()) {
      const entry = await entryOf(resolve(path, name), builtIn);
      if (entry !== null) entries.set(entry.row.path, entry);
    }
  }
  return [...entries.values()];
}

async function entryOf(path: string, builtIn: boolean): Promise<CatalogEntry | null> {
  const read = await readBundle(path);
  if (!read.ok)
    return read.failure.code === 'bundle-missing'
      ? null
      : { row: damagedRow(path, builtIn, read.failure), manifest: null };
  return { row: bundleRow(path, builtIn, read.value), manifest: read.value };
}

function damagedRow(path: string, builtIn: boolean, failure: Failure): BundleRow {
  return { id: path, path, name: path, variant: null, sizeBytes: 0, levels: [], builtIn, failure };
}

function bundleRow(path: string, builtIn: boolean, manifest: BundleManifest): BundleRow {
  return {
    id: manifest.bundleId,
    path,
    name: manifest.name,
    variant: manifest.variant,
    sizeBytes: manifest.files.reduce((sum, file) => sum + file.sizeBytes, 0),
    levels: manifest.levels.map(({ level, decoderRatio, totalRatio, quality }) => ({
      level,
      decoderRatio,
      totalRatio,
      perplexity: quality?.perplexity ?? null,
    })),
    builtIn,
    failure: null,
  };
}
