import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, ok, type Result } from '../../core/result.ts';
import { cacheFolder, PROJECT_FOLDER } from '../shared/folders.ts';
import { runTool } from './run-tool.ts';
import { zigCompiler } from './zig-compiler.ts';

/** Platform and processor that a binding is built for. */
export type BindingTarget = 'linux-x64' | 'linux-arm64' | 'android-arm64';

/** `cc`: this computer's own, for itself only; `zig`: for every target, the same bytes everywhere. */
export type BindingCompiler = 'cc' | 'zig';

export interface BuiltBinding {
  readonly target: BindingTarget;
  readonly compiler: BindingCompiler;
  /** `onnxruntime_binding.node` in the folder that was asked for. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Changes with the sources. */
  readonly version: string;
  /** SPDX expression. */
  readonly licence: string;
}

export const BINDING_FILE = 'onnxruntime_binding.node';
const NATIVE_FOLDER = ['device-agent', 'native'] as const;

const COMMON_FLAGS = [
  '-std=c11',
  '-O2',
  '-fPIC',
  '-shared',
  '-fvisibility=hidden',
  '-Wall',
  '-Wextra',
  '-Werror',
];

/**
 * For Zig no C library is named: the object calls the few functions of device-agent/native/libc, which the process
 * that loads it has, glibc's or bionic's.
 */
const FREESTANDING_FLAGS = [
  '-nostdlib',
  '-ffreestanding',
  // Both C libraries keep the protector's word elsewhere.
  '-fno-stack-protector',
  '-Wl,-s',
  '-Wl,--hash-style=both',
  '-Wl,--allow-shlib-undefined',
  `-Wl,-soname,${BINDING_FILE}`,
];

const ARM64_FLAGS = [
  // Helper functions of the compiler that only some C libraries bring.
  '-mno-outline-atomics',
  // Android keeps x18 for its shadow call stack.
  '-ffixed-x18',
  // Phones with 16 KiB pages refuse libraries laid out for smaller ones.
  '-Wl,-z,max-page-size=16384',
];

const ZIG_TARGETS: Record<BindingTarget, string> = {
  'linux-x64': 'x86_64-linux-none',
  'linux-arm64': 'aarch64-linux-none',
  'android-arm64': 'aarch64-linux-none',
};

/**
 * Android's linker looks for a library's symbols in the program itself and in the libraries that the library names,
 * not in those that the program names: it must name its C library.
 */
const NAMED_LIBRARIES: Record<BindingTarget, readonly string[]> = {
  'linux-x64': [],
  'linux-arm64': [],
  'android-arm64': ['libc.so', 'libdl.so'],
};

/** The compiler taken where none is asked for: this computer's own for itself, else Zig. */
export async function bindingCompiler(target: BindingTarget, signal: AbortSignal): Promise<BindingCompiler> {
  if (target !== `${process.platform}-${process.arch}`) return 'zig';
  return (await runTool('cc', ['--version'], signal)).ok ? 'cc' : 'zig';
}

/**
 * Builds Bungee's binding of ONNX Runtime from device-agent/native into `outDir`.
 *
 * Failures: `no-zig`, `binding-not-built` (`detail` has the compiler's words), `aborted`.
 */
export async function buildBinding(
  target: BindingTarget,
  outDir: string,
  signal: AbortSignal,
  compiler?: BindingCompiler,
): Promise<Result<BuiltBinding>> {
  const chosen = compiler ?? (await bindingCompiler(target, signal));
  const native = join(PROJECT_FOLDER, ...NATIVE_FOLDER);
  const sources = await sourceFiles(native);
  await mkdir(outDir, { recursive: true });
  const work = await mkdtemp(join(outDir, '.binding-'));
  try {
    const output = join(work, BINDING_FILE);
    const flags = [...COMMON_FLAGS, `-I${join(native, 'include')}`];
    const compiled =
      chosen === 'cc'
        ? await runTool('cc', [...flags, ...sources.c, '-ldl', '-o', output], signal)
        : await compileWithZig(
            target,
            [...flags, `-I${join(native, 'libc')}`],
            sources.c,
            work,
            output,
            signal,
          );
    if (!compiled.ok) {
      const { code, message, detail } = compiled.failure;
      return code === 'aborted' || code === 'no-zig'
        ? compiled
        : fail(
            'binding-not-built',
            `The binding for ${target} could not be built: ${message}`,
            undefined,
            detail,
          );
    }
    const bytes = await readFile(output);
    const path = join(outDir, BINDING_FILE);
    await rename(output, path);
    return ok({
      target,
      compiler: chosen,
      path,
      sizeBytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      version: sources.digest.slice(0, 12),
      licence: 'Apache-2.0',
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function sourceFiles(native: string): Promise<{ readonly c: string[]; readonly digest: string }> {
  const hash = createHash('sha256');
  const c: string[] = [];
  for (const folder of ['include', 'libc', 'src'])
    for (const name of (await readdir(join(native, folder))).sort()) {
      const path = join(native, folder, name);
      hash.update(`${folder}/${name}\n`).update(await readFile(path));
      if (name.endsWith('.c')) c.push(path);
    }
  return { c, digest: hash.digest('hex') };
}

async function compileWithZig(
  target: BindingTarget,
  flags: readonly string[],
  sources: readonly string[],
  work: string,
  output: string,
  signal: AbortSignal,
): Promise<Result<string>> {
  const zig = await zigCompiler(signal);
  if (!zig.ok) return zig;
  const environment = {
    ...process.env,
    ZIG_GLOBAL_CACHE_DIR: cacheFolder('zig-cache'),
    ZIG_LOCAL_CACHE_DIR: join(work, 'zig-cache'),
  };
  const zigFlags = ['cc', '-target', ZIG_TARGETS[target], ...FREESTANDING_FLAGS];
  if (target !== 'linux-x64') zigFlags.push(...ARM64_FLAGS);
  const stubs: string[] = [];
  for (const name of NAMED_LIBRARIES[target]) {
    const source = join(work, `${name}.c`);
    const stub = join(work, name);
    await writeFile(source, '');
    const made = await runTool(
      zig.value,
      [...zigFlags, '-shared', `-Wl,-soname,${name}`, source, '-o', stub],
      signal,
      environment,
    );
    if (!made.ok) return made;
    stubs.push(stub);
  }
  return runTool(
    zig.value,
    [...zigFlags, ...flags, ...sources, '-Wl,--no-as-needed', ...stubs, '-o', output],
    signal,
    environment,
  );
}
