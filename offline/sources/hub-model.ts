import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { downloadFileToCacheDir, listFiles } from '@huggingface/hub';
import { fail, ok, type Result } from '../../core/result.ts';

/** `owner/name` as on the Hugging Face hub. */
const HUB_ID = /^[\w.-]+\/[\w.-]+$/;

/** What a model folder needs; other files of the repository (ONNX exports, images) are left there. */
const WANTED =
  /^(config\.json|generation_config\.json|tokenizer\.json|tokenizer_config\.json|chat_template\.jinja|README\.md|LICENSE.*|model[\w.-]*\.safetensors(\.index\.json)?)$/;

export function isHubId(text: string): boolean {
  return HUB_ID.test(text);
}

/**
 * Brings a model folder from the hub into the cache and returns its path. Failures: `hub-unreachable`,
 * `cancelled`.
 *
 * @param onFile called before each file.
 */
export async function fetchHubModel(
  hubId: string,
  cacheDir: string,
  onFile: (path: string) => void,
  signal?: AbortSignal,
): Promise<Result<string>> {
  const repo = { type: 'model' as const, name: hubId };
  const fetchWithSignal: typeof fetch = (input, init) =>
    fetch(input, { ...init, ...(signal ? { signal } : {}) });
  try {
    mkdirSync(cacheDir, { recursive: true });
    let folder: string | null = null;
    for await (const file of listFiles({ repo, fetch: fetchWithSignal })) {
      if (file.type !== 'file' || !WANTED.test(file.path)) continue;
      signal?.throwIfAborted();
      onFile(file.path);
      const path = await downloadFileToCacheDir({ repo, path: file.path, cacheDir, fetch: fetchWithSignal });
      folder = join(path, '..');
    }
    return folder === null
      ? fail('hub-unreachable', `${hubId} holds no model files.`, 'Check the name on huggingface.co.')
      : ok(folder);
  } catch (error) {
    if (signal?.aborted === true) return fail('cancelled', `Fetching ${hubId} was cancelled.`);
    return fail(
      'hub-unreachable',
      `${hubId} could not be fetched from the Hugging Face hub.`,
      'Check the name and the connection, or name a GGUF file or a model folder on this computer.',
      String(error),
    );
  }
}
