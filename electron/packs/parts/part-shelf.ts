import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, ok, type Result } from '../../../core/result.ts';
import { type ObtainedPart, type PartOrigin, type PartPin, sourceWords } from './part-pin.ts';

/**
 * Brings a part into `folder` and tells the file's path; its content is checked afterwards. `mayDiffer`: the
 * source itself vouches for what it gave (a signed index, or the user's own folder), so that a version other
 * than the pinned one is taken.
 */
export interface PartSource {
  readonly mayDiffer: boolean;
  fetch(pin: PartPin, folder: string, signal: AbortSignal): Promise<Result<string>>;
}

/** Parts on this computer, each under its SHA-256, and where missing ones come from. */
export interface PartShelf {
  readonly dir: string;
  readonly sources: Readonly<Record<PartOrigin, PartSource>>;
  readonly say: (line: string) => void;
}

/** How a user brings what a source did not. */
const REMEDIES: Record<PartOrigin, string> = {
  npm: 'Check the network to your npm registry.',
  debian:
    'Bring it from a Debian computer (`apt-get download` for arm64) and name the folder: `npm run pack -- glibc-arm64 --debian-packages FOLDER`.',
  termux:
    'In the Termux app of any 64-bit phone: `apt download nodejs-lts libc++ openssl c-ares libicu libsqlite zlib`; copy the files here and name their folder: `npm run pack -- android --termux-packages FOLDER`.',
};

/** Whether a part is on the shelf by its pin, without a look at its content. */
export async function isOnShelf(dir: string, pin: Pick<PartPin, 'sha256' | 'sizeBytes'>): Promise<boolean> {
  if (pin.sha256 === null) return false;
  const there = await stat(join(dir, pin.sha256)).catch(() => null);
  return there !== null && there.size === pin.sizeBytes;
}

/**
 * A part, from the shelf or its source, verified by size and SHA-256.
 *
 * Failures: `pack-part-missing` (its source does not give it), `pack-part-wrong` (other content than pinned),
 * `aborted`.
 */
export async function obtainPart(
  pin: PartPin,
  shelf: PartShelf,
  signal: AbortSignal,
): Promise<Result<ObtainedPart>> {
  const words = `${pin.name}${pin.version === null ? '' : ` ${pin.version}`} (${sourceWords(pin)})`;
  if (pin.sha256 !== null && (await isOnShelf(shelf.dir, pin))) {
    const path = join(shelf.dir, pin.sha256);
    if ((await hashOf(path)) === pin.sha256) return ok(obtained(pin, path, pin.sizeBytes ?? 0, pin.sha256));
    await rm(path, { force: true });
  }
  await mkdir(shelf.dir, { recursive: true });
  const work = await mkdtemp(join(shelf.dir, '.part-'));
  try {
    const source = shelf.sources[pin.origin];
    // Termux's packages only ever come from a folder.
    if (pin.origin !== 'termux') shelf.say(`Fetching ${words} ...`);
    const brought = await source.fetch(pin, work, signal);
    if (signal.aborted) return fail('aborted', 'Assembling the runtime pack was cancelled.');
    if (!brought.ok)
      return fail(
        'pack-part-missing',
        `Missing part ${words}: ${brought.failure.message}`,
        REMEDIES[pin.origin],
        brought.failure.detail,
      );
    const sha256 = await hashOf(brought.value);
    const { size: sizeBytes } = await stat(brought.value);
    if (pin.sha256 !== null && sha256 !== pin.sha256) {
      if (!source.mayDiffer)
        return fail(
          'pack-part-wrong',
          `${words} is not what was pinned: SHA-256 ${sha256} and ${sizeBytes} bytes, not ${pin.sha256} and ${pin.sizeBytes}.`,
          'Do not use it; tell the project.',
        );
      shelf.say(`${words}: its source has another version by now than the one that was tried.`);
    }
    const kept = join(shelf.dir, sha256);
    await rename(brought.value, kept);
    return ok(obtained(pin, kept, sizeBytes, sha256));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function obtained(pin: PartPin, path: string, sizeBytes: number, sha256: string): ObtainedPart {
  const { name, version, licence } = pin;
  return {
    path,
    part: { name, version: version ?? '', licence, source: sourceWords(pin), sizeBytes, sha256 },
  };
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
