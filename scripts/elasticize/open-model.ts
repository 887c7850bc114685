import { existsSync } from 'node:fs';
import { unwrap } from '../../core/result.ts';
import { fetchHubModel, isHubId, openSourceModel, type SourceModel } from '../../offline/index.ts';
import { baseWeights } from '../shared/base-weights.ts';
import { say } from '../shared/command-line.ts';
import { cacheFolder } from '../shared/folders.ts';

/** Opens a GGUF file, a model folder or a model of the hub; without a name the default model. */
export async function openModel(name: string | undefined, signal: AbortSignal): Promise<SourceModel> {
  const model = unwrap(await openSourceModel(await pathOf(name, signal), signal));
  for (const note of model.notes ?? []) say(`model: ${note}`);
  return model;
}

async function pathOf(name: string | undefined, signal: AbortSignal): Promise<string> {
  if (name === undefined) return unwrap(await baseWeights(signal));
  if (existsSync(name) || !isHubId(name)) return name;
  return unwrap(await fetchHubModel(name, cacheFolder('hub'), (file) => say(`fetching ${file}`), signal));
}
