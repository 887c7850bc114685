import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { readJsonFile, writeFileAtomic } from '../files/atomic-file.ts';

const tokensSchema = z.object({
  schemaVersion: z.literal(1),
  /** Serial -> token of the agent that was started there last. */
  tokens: z.record(z.string(), z.string()),
});

/** Tokens of the agents that this desktop started, so that a later start finds them again. Readable by the user only. */
export interface TokenStore {
  get(serial: string): string | null;
  /** A fresh token, kept for the serial. @throws when the state folder can't be written. */
  renew(serial: string): Promise<string>;
}

/** A damaged file counts as empty: then the agents are restarted. */
export async function openTokenStore(path: string): Promise<TokenStore> {
  const read = await readJsonFile(path, tokensSchema, { schemaVersion: 1, tokens: {} });
  const tokens = new Map(Object.entries(read.ok ? read.value.tokens : {}));
  return {
    get: (serial) => tokens.get(serial) ?? null,
    renew: async (serial) => {
      const token = randomBytes(24).toString('base64url');
      tokens.set(serial, token);
      const content = { schemaVersion: 1, tokens: Object.fromEntries(tokens) };
      await writeFileAtomic(path, JSON.stringify(content), 0o600);
      return token;
    },
  };
}
