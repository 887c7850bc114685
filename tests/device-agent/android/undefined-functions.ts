/** Numbers of <elf.h>. */
const DYNSYM = 11;
const SECTION_BYTES = 64;
const SYMBOL_BYTES = 24;
const FUNCTION = 2;

/**
 * Functions that a 64-bit little-endian ELF library takes from others, by name, each once. Throws on anything else than
 * such a file.
 */
export function undefinedFunctions(elf: Buffer): string[] {
  const sectionsAt = Number(elf.readBigUInt64LE(40));
  const section = (index: number): { type: number; at: number; size: number; link: number } => {
    const at = sectionsAt + index * SECTION_BYTES;
    return {
      type: elf.readUInt32LE(at + 4),
      at: Number(elf.readBigUInt64LE(at + 24)),
      size: Number(elf.readBigUInt64LE(at + 32)),
      link: elf.readUInt32LE(at + 40),
    };
  };
  const sections = Array.from({ length: elf.readUInt16LE(60) }, (_, index) => section(index));
  const symbols = sections.find(({ type }) => type === DYNSYM);
  const names = symbols === undefined ? undefined : sections[symbols.link];
  if (symbols === undefined || names === undefined) throw new Error('the library has no dynamic symbols');
  const found = new Set<string>();
  for (let at = symbols.at; at < symbols.at + symbols.size; at += SYMBOL_BYTES) {
    const isUndefined = elf.readUInt16LE(at + 6) === 0;
    if (!isUndefined || (elf.readUInt8(at + 4) & 15) !== FUNCTION) continue;
    const start = names.at + elf.readUInt32LE(at);
    found.add(elf.toString('latin1', start, elf.indexOf(0, start)));
  }
  return [...found].sort();
}
