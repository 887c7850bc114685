import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseJsonWith } from '../../core/parse.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { PACK_FILE, type RuntimePack, runtimePackSchema } from '../../core/runtime-pack.ts';
import { errorMessage } from '../files/atomic-file.ts';
import type { HashCache } from '../files/hash-cache.ts';
import { fileSetOf, type LocalFileSet } from '../files/local-file-set.ts';
import { executablesOf, PACK_ONNXRUNTIME } from './pack-layout.ts';

/**
 * The pack in a folder, whose files are there with their sizes. Failures: `pack-missing` (no `pack.json`),
 * `pack-damaged`, and those of the parser.
 */
export async function readPack(folder: string): Promise<Result<RuntimePack>> {
  const path = join(folder, PACK_FILE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    return fail('pack-missing', `${folder} holds no runtime pack: ${errorMessage(error)}.`);
  }
  const pack = parseJsonWith(runtimePackSchema, text, path);
  if (!pack.ok) return pack;
  for (const file of pack.value.files) {
    const there = await stat(join(folder, file.path)).catch(() => null);
    if (there?.size !== file.sizeBytes) return damaged(folder, file.path);
  }
  return pack;
}

/**
 * What of a pack goes to the phone as its runtime: all but the binding, which goes beside onnxruntime-node.
 * null = nothing. Failures: `pack-damaged` (content other than `pack.json` says), `file-unreadable`.
 */
export async function packFileSet(
  pack: RuntimePack,
  folder: string | null,
  hashes: HashCache,
): Promise<Result<LocalFileSet | null>> {
  const files = pack.files.filter(({ path }) => !path.startsWith(`${PACK_ONNXRUNTIME}/`));
  // Where the phone has its own Node there is nothing to bring, licences of the binding apart.
  if (folder === null || executablesOf(pack).length === 0) return ok(null);
  const entries = files.map(({ path }) => ({ local: join(folder, path), at: path }));
  const set = await fileSetOf(`runtime pack ${pack.name}`, 'runtime', entries, hashes);
  if (!set.ok) return set;
  const expected = new Map(files.map(({ path, sha256 }) => [path, sha256]));
  const wrong = set.value.files.find(({ path, sha256 }) => expected.get(path) !== sha256);
  if (wrong !== undefined) return damaged(folder, wrong.path);
  return ok({ ...set.value, executables: executablesOf(pack) });
}

function damaged(folder: string, path: string): Result<never> {
  return fail(
    'pack-damaged',
    `${path} of the runtime pack in ${folder} is not what ${PACK_FILE} says.`,
    'Assemble it again: `npm run pack`.',
  );
}
