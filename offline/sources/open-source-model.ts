import { statSync } from 'node:fs';
import { fail, type Result } from '../../core/result.ts';
import { openGguf } from './gguf-model.ts';
import { openSafetensors } from './safetensors-model.ts';
import type { SourceModel } from './source-model.ts';

/**
 * Opens a GGUF file or a safetensors folder. Failures: `file-missing`, and those of {@link openGguf} and
 * {@link openSafetensors}.
 */
export async function openSourceModel(path: string, signal?: AbortSignal): Promise<Result<SourceModel>> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return fail('file-missing', `${path} does not exist.`, 'Check the path.');
  return stat.isDirectory() ? openSafetensors(path, signal) : openGguf(path, signal);
}
