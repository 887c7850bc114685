import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unwrap, type Result } from '../../../core/result.ts';
import { runTool } from '../../../scripts/native/run-tool.ts';
import { zigCompiler } from '../../../scripts/native/zig-compiler.ts';
import { cacheFolder } from '../../../scripts/shared/folders.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const LOG = /^__android_log_/;
const OWN = '-Wl,-rpath,$ORIGIN';

/** A processor under glibc: how libraries are built for it, and how it jumps to the address in a slot. */
export interface BionicMachine {
  readonly compile: (args: readonly string[]) => Promise<Result<string>>;
  readonly jump: (slot: string) => string;
}

/** This computer, x86_64. */
export const X64_MACHINE: BionicMachine = {
  compile: (args) => runTool('cc', args, AbortSignal.timeout(60_000)),
  jump: (slot) => `jmp *${slot}(%rip)`,
};

/** 64-bit ARM, with the glibc of the pack for it. */
export const ARM64_MACHINE: BionicMachine = {
  compile: async (args) => {
    const zig = await zigCompiler(AbortSignal.timeout(100_000));
    if (!zig.ok) return zig;
    const environment = { ...process.env, ZIG_GLOBAL_CACHE_DIR: cacheFolder('zig-cache') };
    const target = ['cc', '-target', 'aarch64-linux-gnu.2.36', '-Wl,--allow-shlib-undefined'];
    return runTool(zig.value, [...target, ...args], AbortSignal.timeout(60_000), environment);
  },
  jump: (slot) => `adrp x16, ${slot}\n  ldr x16, [x16, :lo12:${slot}]\n  br x16`,
};

/**
 * Libraries under the names of Android's into `folder`, so that glibc's loader satisfies a library made for Android:
 * each function that it asks for jumps to glibc's, or to what bionic.c has in its place; and `libneuralnetworks.so`
 * with a driver in software. Throws with the compiler's words.
 *
 * @param functions that the library asks for.
 */
export async function buildBionicLibraries(
  folder: string,
  functions: readonly string[],
  machine: BionicMachine = X64_MACHINE,
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const source = (name: string): string => join(HERE, name);
  const out = (name: string): string => join(folder, name);
  const versions = out('versions.txt');
  writeFileSync(versions, 'LIBC { global: *; };\n');
  writeFileSync(out('empty.c'), 'void bionic_nothing(void) {}\n');
  const build = async (library: string, inputs: readonly string[]): Promise<void> => {
    const flags = ['-O2', '-fPIC', '-shared', '-Wall', '-Wextra', '-Werror', '-Wl,-z,noexecstack'];
    const args = [...flags, ...inputs, `-Wl,-soname,${library}`, '-o', out(library)];
    unwrap(await machine.compile(args));
  };
  await build('libbionic-differences.so', [source('bionic.c'), '-ldl']);
  const differences = out('libbionic-differences.so');
  const jumps = async (
    library: string,
    names: readonly string[],
    extra: readonly string[],
  ): Promise<void> => {
    const assembly = out(`${library}.s`);
    const table = out(`${library}.c`);
    writeFileSync(assembly, jumpTable(names, machine));
    writeFileSync(table, slots(names, library === 'libc.so'));
    await build(library, ['-nostdlib', '-fno-builtin', assembly, table, differences, OWN, ...extra]);
  };
  const versioned = `-Wl,--version-script=${versions}`;
  await jumps(
    'libc.so',
    functions.filter((name) => !LOG.test(name)),
    [versioned],
  );
  await jumps(
    'liblog.so',
    functions.filter((name) => LOG.test(name)),
    [],
  );
  for (const library of ['libdl.so', 'libm.so'])
    await build(library, ['-nostdlib', out('empty.c'), versioned]);
  await build('libandroid.so', [source('bionic.c'), '-ldl']);
  await build('libneuralnetworks.so', [source('nnapi-interface.c'), source('nnapi-operations.c'), '-lm']);
}

/** Functions under their own names that jump wherever their slot says: registers and stack stay as they are. */
function jumpTable(names: readonly string[], machine: BionicMachine): string {
  const jump = (name: string): string =>
    `.globl ${name}\n.type ${name},%function\n${name}:\n  ${machine.jump(`slot_${name}`)}\n`;
  return `.text\n${names.map(jump).join('')}`;
}

/** C that fills the slots when the library is loaded; for the C library its two data symbols too. */
function slots(names: readonly string[], hasStreams: boolean): string {
  const fill = names.map((name) => `  slot_${name} = bionic_lookup("${name}");\n`).join('');
  return [
    'extern void *bionic_lookup(const char *name);\nextern void *bionic_stderr(void);\n',
    ...names.map((name) => `__attribute__((visibility("hidden"))) void *slot_${name};\n`),
    hasStreams ? 'void *stderr;\nchar __sF[1024];\n' : '',
    `__attribute__((constructor)) static void fill(void) {\n${hasStreams ? '  stderr = bionic_stderr();\n' : ''}${fill}}\n`,
  ].join('');
}
