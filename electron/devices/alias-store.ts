import { z } from 'zod';
import { fail, ok, type Result } from '../../core/result.ts';
import { errorMessage, readJsonFile, writeFileAtomic } from '../files/atomic-file.ts';

const aliasFileSchema = z.object({ schemaVersion: z.literal(1), aliases: z.record(z.string(), z.string()) });

/** Names that the user gave to phones, kept per serial. */
export interface AliasStore {
  get(serial: string): string | null;
  /** null or blank forgets the name. Failure `state-unwritable`. */
  set(serial: string, alias: string | null): Promise<Result<null>>;
}

/** Opens the store in `path`; failure when the file is damaged (it is left as it is). */
export async function openAliasStore(path: string): Promise<Result<AliasStore>> {
  const read = await readJsonFile(path, aliasFileSchema, { schemaVersion: 1, aliases: {} });
  if (!read.ok) return read;
  const aliases = new Map(Object.entries(read.value.aliases));
  return ok({
    get: (serial) => aliases.get(serial) ?? null,
    set: async (serial, alias) => {
      const name = alias?.trim() ?? '';
      if (name === '') aliases.delete(serial);
      else aliases.set(serial, name);
      try {
        const content = { schemaVersion: 1, aliases: Object.fromEntries(aliases) };
        await writeFileAtomic(path, JSON.stringify(content, null, 2));
        return ok(null);
      } catch (error) {
        return fail(
          'state-unwritable',
          `${path} can't be written: ${errorMessage(error)}.`,
          'Free some space.',
        );
      }
    },
  });
}
