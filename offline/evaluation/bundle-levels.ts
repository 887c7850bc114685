import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { adapterInputs, type AdapterInput } from '../../core/adapter-inputs.ts';
import { MANIFEST_FILE, parseManifest, type BundleManifest } from '../../core/bundle-manifest.ts';
import type { Level } from '../../core/level.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { readAdapters } from '../bundle/adapters-file.ts';
import { OFFLINE_SESSION } from '../graph/model-feeds.ts';
import { LevelSource, type LevelModel } from './level-source.ts';

/** What scoring needs of a manifest; a bundle under way has this much before its manifest is written. */
export type LevelsManifest = Pick<
  BundleManifest,
  'variant' | 'model' | 'tokenizer' | 'graph' | 'segments' | 'ranking' | 'alwaysOn' | 'levels' | 'recovery'
>;

/** The levels of a bundle, each with its recovery adapter, over one session. */
export interface OpenLevels {
  readonly manifest: LevelsManifest;
  /** In the manifest's order; the last is the full level. */
  readonly levels: readonly { readonly level: Level; readonly source: LevelSource }[];
  readonly close: () => Promise<void>;
}

/** Failures: `bundle-missing` and those of the manifest's parser. */
export function readBundleManifest(folder: string): Result<BundleManifest> {
  const path = join(folder, MANIFEST_FILE);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return fail(
      'bundle-missing',
      `${path} cannot be read.`,
      'Point --bundle at a folder that Bungee wrote.',
      String(error),
    );
  }
  return parseManifest(text, path);
}

/** Opens the graph that the engine runs. Failure `bundle-corrupt` where a file is missing or damaged. */
export async function openLevels(folder: string, manifest: LevelsManifest): Promise<Result<OpenLevels>> {
  const { model: config, segments, ranking, alwaysOn, graph, recovery } = manifest;
  const model: LevelModel = {
    config,
    segments,
    ranking,
    alwaysOn,
    firstTokenAlone: graph.firstTokenAlone,
  };
  const path = join(folder, graph.zeroRow);
  try {
    const stored = recovery === undefined ? [] : readAdapters(join(folder, recovery.file), recovery.levels);
    const adapterOf = (level: Level): AdapterInput[] => {
      if (recovery === undefined) return [];
      const parameters = stored.find((entry) => entry.level === level)?.parameters ?? null;
      return adapterInputs(config, recovery, parameters);
    };
    const session = await ort.InferenceSession.create(path, OFFLINE_SESSION);
    return ok({
      manifest,
      levels: manifest.levels.map(({ level, prefix }) => ({
        level,
        source: new LevelSource(session, model, prefix, adapterOf(level)),
      })),
      close: () => session.release(),
    });
  } catch (error) {
    const line = String(error instanceof Error ? error.message : error).split('\n')[0] ?? '';
    return fail('bundle-corrupt', `${path} cannot be opened: ${line}.`, 'Make or push the bundle again.');
  }
}
