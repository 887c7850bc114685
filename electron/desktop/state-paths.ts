import { join } from 'node:path';

/** Where the services keep what: one place for the names. */
export function statePaths(stateDir: string) {
  return {
    aliases: join(stateDir, 'aliases.json'),
    tokens: join(stateDir, 'agent-tokens.json'),
    hashes: join(stateDir, 'hash-cache.json'),
    settings: join(stateDir, 'settings.json'),
    profiles: join(stateDir, 'profiles'),
    runs: join(stateDir, 'runs'),
  };
}
