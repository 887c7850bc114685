import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unwrap } from '../../core/result.ts';
import { median, summarize, type Summary } from '../../core/statistics.ts';
import { createAdbkitLink } from '../../electron/adb/adbkit-link.ts';
import { findAdb } from '../../electron/adb/adb-server.ts';
import type { PhoneLink } from '../../electron/adb/phone-link.ts';
import { readBundle } from '../../electron/desktop/bundle-catalog.ts';
import { openHashCache } from '../../electron/files/hash-cache.ts';
import { bundleFileSet, type LocalFileSet } from '../../electron/files/local-file-set.ts';
import { pushFileSet } from '../../electron/push/push-file-set.ts';
import { say } from '../shared/command-line.ts';
import { defaultBundle } from '../shared/default-bundle.ts';
import { hostDescription } from '../shared/host-description.ts';
import { PhoneProcess } from '../shared/phone-process.ts';

const run = promisify(execFile);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Google's adb with a server, a key and a home of its own, so that the user's is left alone. */
async function ownAdb(home: string): Promise<{ port: number; adb: (...args: string[]) => Promise<string> }> {
  const binary = await findAdb();
  if (binary === null) throw new Error('the push bench needs Google’s adb (apt-get install adb)');
  const port = await freePort();
  const env = { ...process.env, HOME: home, ANDROID_ADB_SERVER_PORT: String(port) };
  const adb = async (...args: string[]): Promise<string> =>
    (await run(binary, args, { env, maxBuffer: 1 << 24 })).stdout;
  await adb('start-server');
  return { port, adb };
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await action();
  return (performance.now() - startedAt) / 1000;
}

async function shell(link: PhoneLink, serial: string, command: string): Promise<void> {
  const output = unwrap(await link.shell(serial, command, { timeoutMs: 60_000 }));
  if (output.exitCode !== 0) throw new Error(`${command}: ${output.stderr}`);
}

interface LinkResult {
  /** Bandwidth of the phone's cable, Mbit/s; null = loopback without a limit. */
  readonly linkMbps: number | null;
  readonly seconds: { readonly ours: Summary; readonly adbPush: Summary; readonly unchanged: Summary };
  readonly speed: number;
  readonly unchangedSeconds: number;
}

/** One phone behind one link: ours, unchanged and `adb push` in turn; who goes first alternates. */
async function benchLink(
  place: {
    readonly home: string;
    readonly port: number;
    readonly adb: (...args: string[]) => Promise<string>;
  },
  set: LocalFileSet,
  linkMbps: number | null,
  rounds: number,
  signal: AbortSignal,
): Promise<LinkResult> {
  const { home, port, adb } = place;
  const stateDir = join(home, `phone-${linkMbps ?? 'loopback'}`);
  const phone = unwrap(await PhoneProcess.start({ stateDir, linkMbps: linkMbps ?? undefined }));
  const serial = `127.0.0.1:${phone.phone.adbdPort}`;
  try {
    await adb('connect', serial);
    await adb('-s', serial, 'wait-for-device');
    const link = createAdbkitLink('127.0.0.1', port);
    const samples: { ours: number[]; unchanged: number[]; adbPush: number[] } = {
      ours: [],
      unchanged: [],
      adbPush: [],
    };
    const push = (): Promise<number> =>
      timed(async () => unwrap(await pushFileSet(link, serial, set, { signal })));
    const ours = async (): Promise<[number, number]> => {
      await shell(link, serial, 'rm -rf /data/local/tmp/bungee');
      return [await push(), await push()];
    };
    const theirs = async (): Promise<number> => {
      await shell(link, serial, 'rm -rf /data/local/tmp/adb-push && mkdir -p /data/local/tmp/adb-push');
      return timed(() => adb('-s', serial, 'push', ...set.sources.values(), '/data/local/tmp/adb-push/'));
    };
    // The first round warms up caches.
    for (let round = 0; round <= rounds; round++) {
      signal.throwIfAborted();
      const early = round % 2 === 0 ? await ours() : null;
      const adbPush = await theirs();
      const [took, unchanged] = early ?? (await ours());
      const name = linkMbps === null ? 'loopback' : `${linkMbps} Mbit/s`;
      say(
        `${name}, round ${round}: ours ${took.toFixed(2)} s, adb push ${adbPush.toFixed(2)} s, unchanged ${unchanged.toFixed(3)} s`,
      );
      if (round === 0) continue;
      samples.ours.push(took);
      samples.unchanged.push(unchanged);
      samples.adbPush.push(adbPush);
    }
    return {
      linkMbps,
      seconds: {
        ours: summarize(samples.ours),
        adbPush: summarize(samples.adbPush),
        unchanged: summarize(samples.unchanged),
      },
      speed: median(samples.adbPush) / median(samples.ours),
      unchangedSeconds: median(samples.unchanged),
    };
  } finally {
    await adb('disconnect', serial).catch(() => undefined);
    await phone.stop();
  }
}

/**
 * Pushes the same files by our push (content-addressed, verified by SHA-256 on the phone) and by `adb push`
 * (unverified), to the same virtual phone over the same adb server, on each of the given links.
 */
export async function benchPush(
  options: { readonly bundle: string | null; readonly rounds: number; readonly links: readonly number[] },
  signal: AbortSignal,
): Promise<object> {
  const bundleDir = options.bundle ?? unwrap(await defaultBundle({ variant: 'int8' }, signal)).dir;
  const manifest = unwrap(await readBundle(bundleDir));
  const home = await mkdtemp(join(tmpdir(), 'bungee-bench-push-'));
  const { port, adb } = await ownAdb(home);
  try {
    const set = await bundleFileSet(bundleDir, manifest, await openHashCache(join(home, 'hashes.json')));
    const bytes = set.files.reduce((sum, file) => sum + file.sizeBytes, 0);
    const links: LinkResult[] = [];
    for (const linkMbps of [null, ...options.links])
      links.push(await benchLink({ home, port, adb }, set, linkMbps, options.rounds, signal));
    const goals = links.flatMap(({ linkMbps, speed, unchangedSeconds }) => {
      const where = linkMbps === null ? 'loopback, no limit' : `${linkMbps} Mbit/s`;
      return [
        {
          goal: `our push, times the speed of \`adb push\` (${where})`,
          value: speed,
          limit: 0.9,
          better: 'larger',
          reached: speed >= 0.9,
        },
        {
          goal: `second push of an unchanged bundle, s (${where})`,
          value: unchangedSeconds,
          limit: 1,
          better: 'smaller',
          reached: unchangedSeconds < 1,
        },
      ];
    });
    return {
      bench: 'push',
      host: hostDescription(),
      phone: 'virtual',
      adb: (await adb('version')).split('\n')[0],
      bytes,
      files: set.files.length,
      rounds: options.rounds,
      links,
      goals,
    };
  } finally {
    await adb('kill-server').catch(() => undefined);
    await rm(home, { recursive: true, force: true });
  }
}
