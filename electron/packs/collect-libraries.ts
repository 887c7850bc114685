import { fail, ok, type Result } from '../../core/result.ts';
import { type ElfFile, readElf } from './elf-file.ts';

/** A program or library with the name that others ask for it by. */
export interface Binary {
  readonly name: string;
  readonly bytes: Buffer;
}

/**
 * The libraries that `roots` need, and those that these need, each looked up once. What `isOnPhone` says is
 * Android's own stays out.
 *
 * @param machine what every file must be made for (`e_machine`).
 * @returns name -> content; failures `pack-library-missing` (names the library and who needs it),
 * `pack-wrong-machine`, `elf-unreadable`.
 */
export function collectLibraries(
  roots: readonly Binary[],
  find: (name: string) => Buffer | null,
  isOnPhone: (name: string) => boolean,
  machine: number,
): Result<ReadonlyMap<string, Buffer>> {
  const found = new Map<string, Buffer>();
  const queue: Binary[] = [...roots];
  for (let binary = queue.shift(); binary !== undefined; binary = queue.shift()) {
    const elf = readElf(binary.bytes, binary.name);
    if (!elf.ok) return elf;
    if (elf.value.machine !== machine)
      return fail('pack-wrong-machine', `${binary.name} is made for another processor.`);
    for (const name of wanted(elf.value)) {
      if (found.has(name) || isOnPhone(name)) continue;
      const bytes = find(name);
      if (bytes === null)
        return fail(
          'pack-library-missing',
          `Missing part: nothing gives ${name}, which ${binary.name} needs.`,
        );
      found.set(name, bytes);
      queue.push({ name, bytes });
    }
  }
  return ok(found);
}

/** The loader is a library as well, named by its path. */
function wanted({ needed, interpreter }: ElfFile): readonly string[] {
  return interpreter === null ? needed : [...needed, interpreter.slice(interpreter.lastIndexOf('/') + 1)];
}
