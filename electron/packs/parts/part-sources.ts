import { join } from 'node:path';
import { fail } from '../../../core/result.ts';
import { aptSource } from './apt-source.ts';
import { debFolder } from './deb-folder.ts';
import { npmSource } from './npm-source.ts';
import type { PartShelf, PartSource } from './part-shelf.ts';

/** Folders with packages that the user brings where a source does not answer; null = none. */
export interface BroughtPackages {
  readonly debian: string | null;
  readonly termux: string | null;
}

/** No package client outside of the Termux app knows its archive. */
const NO_TERMUX: PartSource = {
  mayDiffer: true,
  fetch: () =>
    Promise.resolve(fail('client-missing', 'no package client on this computer reaches Termux’s archive.')),
};

/** The shelf in `packsDir` with every source: the user's own npm and apt, or folders that the user brings. */
export function openShelf(
  packsDir: string,
  brought: BroughtPackages,
  say: (line: string) => void,
): PartShelf {
  return {
    dir: join(packsDir, 'parts'),
    say,
    sources: {
      npm: npmSource,
      debian:
        brought.debian === null
          ? aptSource(join(packsDir, 'apt'), 'arm64')
          : debFolder(brought.debian, 'arm64'),
      termux: brought.termux === null ? NO_TERMUX : debFolder(brought.termux, 'aarch64'),
    },
  };
}
