import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { z } from 'zod';
import { parseJsonWith } from '../../../core/parse.ts';
import { candidateSchema, phaseProvidersSchema } from '../../../core/provider-proof.ts';
import { unwrap } from '../../../core/result.ts';
import { executionProviderSchema } from '../../../core/runtime-pack.ts';
import { readTar } from '../../../electron/packs/archive/tar-archive.ts';
import { ANDROID_ONNXRUNTIME } from '../../../electron/packs/pack-pins.ts';
import { obtainPart } from '../../../electron/packs/parts/part-shelf.ts';
import { openShelf } from '../../../electron/packs/parts/part-sources.ts';
import { buildBinding } from '../../../scripts/native/build-binding.ts';
import { bindingFolder, packageWithBinding } from '../../../scripts/native/package-with-binding.ts';
import { runTool } from '../../../scripts/native/run-tool.ts';
import { cacheFolder } from '../../../scripts/shared/folders.ts';
import { buildBionicLibraries } from './bionic-libraries.ts';
import { undefinedFunctions } from './undefined-functions.ts';

const foundSchema = z.object({
  library: z.array(executionProviderSchema),
  candidates: z.array(candidateSchema),
  chosen: phaseProvidersSchema,
});
export type FoundOnAndroid = z.infer<typeof foundSchema>;

export interface AndroidRuntime {
  /** The agent's proof over Android's ONNX Runtime, in a process of its own. */
  readonly prove: (options: { driver: string; bundleDir?: string }) => Promise<FoundOnAndroid>;
  readonly remove: () => void;
}

/**
 * The pinned Android build of ONNX Runtime (x86_64) under onnxruntime-node's JavaScript and our binding, on this Linux
 * computer. null, said aloud, where a part can't be had; in CI that fails.
 */
export async function openAndroidRuntime(): Promise<AndroidRuntime | null> {
  const missing = await whyNot();
  if (missing !== null) {
    process.stderr.write(`SKIPPED: ${missing}, so Android's ONNX Runtime is not tried.\n`);
    if (process.env['CI'] === 'true') throw new Error(`CI tries Android's ONNX Runtime: ${missing}`);
    return null;
  }
  const root = await mkdtemp(join(tmpdir(), 'bungee-android-'));
  const library = await androidLibrary();
  const folder = bindingFolder(packageWithBinding(root, 'linux-x64'), 'linux-x64');
  unwrap(await buildBinding('linux-x64', folder, AbortSignal.timeout(100_000), 'cc'));
  // The binding takes this name before npm's.
  writeFileSync(join(folder, 'libonnxruntime.so'), library);
  const libraries = join(root, 'lib');
  await buildBionicLibraries(libraries, undefinedFunctions(library));
  const program = join(root, 'prove.mjs');
  await bundleProgram(program);
  return {
    prove: ({ driver, bundleDir }) =>
      runProof([program, ...(bundleDir === undefined ? [] : [bundleDir])], {
        LD_LIBRARY_PATH: libraries,
        SOFTWARE_NNAPI: driver,
      }),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

async function whyNot(): Promise<string | null> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'this is no x86_64 Linux';
  if (!(await runTool('cc', ['--version'], AbortSignal.timeout(10_000))).ok) return 'there is no C compiler';
  const part = await obtainPart(ANDROID_ONNXRUNTIME.pin, shelf(), AbortSignal.timeout(120_000));
  return part.ok ? null : part.failure.message;
}

function shelf() {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  return openShelf(cacheFolder('packs'), { debian: null, termux: null }, say);
}

async function androidLibrary(): Promise<Buffer> {
  const { path, part } = unwrap(
    await obtainPart(ANDROID_ONNXRUNTIME.pin, shelf(), AbortSignal.timeout(120_000)),
  );
  const end = 'jniLibs/x86_64/libonnxruntime.so';
  const files = unwrap(await readTar(await readFile(path), part.name, (name) => name.endsWith(end)));
  const [library] = files.values();
  if (library === undefined) throw new Error(`${part.name} holds no ${end}`);
  return library.bytes;
}

async function bundleProgram(outfile: string): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(new URL('prove-program.ts', import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    logLevel: 'warning',
    external: ['onnxruntime-node'],
  });
}

/** The program ends itself by a signal, so its output counts and not its status. */
function runProof(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<FoundOnAndroid> {
  return new Promise((done, failed) => {
    execFile(
      process.execPath,
      args,
      { env: { ...process.env, ...environment }, timeout: 60_000, maxBuffer: 1 << 24 },
      (_error, stdout, stderr) => {
        const found = parseJsonWith(foundSchema, stdout.trim(), 'What the proof printed');
        if (found.ok) done(found.value);
        else failed(new Error(`${found.failure.message}\n${stderr}`));
      },
    );
  });
}
