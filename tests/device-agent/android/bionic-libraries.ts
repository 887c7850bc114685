import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unwrap } from '../../../core/result.ts';
import { runTool } from '../../../scripts/native/run-tool.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const LOG = /^__android_log_/;
const OWN = '-Wl,-rpath,$ORIGIN';

/**
 * Libraries under the names of Android's into `folder`, so that glibc's loader satisfies a library made for Android:
 * each function that it asks for jumps to glibc's, or to what bionic.c has in its place; and `libneuralnetworks.so`
 * with a driver in software. Throws with the compiler's words.
 *
 * @param functions that the library asks for.
 */
export async function buildBionicLibraries(folder: string, functions: readonly string[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const source = (name: string): string => join(HERE, name);
  const out = (name: string): string => join(folder, name);
  const versions = out('versions.txt');
  writeFileSync(versions, 'LIBC { global: *; };\n');
  writeFileSync(out('empty.c'), 'void bionic_nothing(void) {}\n');
  const build = async (library: string, inputs: readonly string[]): Promise<void> => {
    const flags = ['-O2', '-fPIC', '-shared', '-Wall', '-Wextra', '-Werror', '-Wl,-z,noexecstack'];
    const args = [...flags, ...inputs, `-Wl,-soname,${library}`, '-o', out(library)];
    unwrap(await runTool('cc', args, AbortSignal.timeout(60_000)));
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
    writeFileSync(assembly, jumpTable(names));
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
function jumpTable(names: readonly string[]): string {
  const jump = (name: string): string =>
    `.globl ${name}\n.type ${name},@function\n${name}:\n  jmp *slot_${name}(%rip)\n`;
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
