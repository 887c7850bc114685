import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unwrap } from '../../core/result.ts';
import { median, summarize } from '../../core/statistics.ts';
import { createAdbkitLink } from '../../electron/adb/adbkit-link.ts';
import { findAdb } from '../../electron/adb/adb-server.ts';
import type { PhoneLink } from '../../electron/adb/phone-link.ts';
import { openHashCache } from '../../electron/files/hash-cache.ts';
import { bundleFileSet, type LocalFileSet } from '../../electron/files/local-file-set.ts';
import { pushFileSet } from '../../electron/push/push-file-set.ts';
import { say } from '../shared/command-line.ts';
import { defaultBundle, readBundle } from '../shared/default-bundle.ts';
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

/**
 * Pushes the same files by our push (content-addressed, verified on the phone) and by `adb push`, in turn, to
 * the same virtual phone over the same adb server; then an unchanged second push.
 */
export async function benchPush(
  options: { readonly bundle: string | null; readonly rounds: number },
  signal: AbortSignal,
): Promise<object> {
  const bundleDir = options.bundle ?? unwrap(await defaultBundle({ variant: 'int8' }, signal)).dir;
  const manifest = unwrap(await readBundle(bundleDir));
  const home = await mkdtemp(join(tmpdir(), 'bungee-bench-push-'));
  const { port, adb } = await ownAdb(home);
  const phone = unwrap(await PhoneProcess.start({ stateDir: join(home, 'phone') }));
  try {
    const serial = `127.0.0.1:${phone.phone.adbdPort}`;
    await adb('connect', serial);
    await adb('-s', serial, 'wait-for-device');
    const link = createAdbkitLink('127.0.0.1', port);
    const set: LocalFileSet = await bundleFileSet(
      bundleDir,
      manifest,
      await openHashCache(join(home, 'hashes.json')),
    );
    const bytes = set.files.reduce((sum, file) => sum + file.sizeBytes, 0);
    const oursSeconds: number[] = [];
    const adbSeconds: number[] = [];
    const againSeconds: number[] = [];
    for (let round = 0; round <= options.rounds; round++) {
      signal.throwIfAborted();
      const ours = async (): Promise<number> => {
        await shell(link, serial, 'rm -rf /data/local/tmp/bungee');
        return timed(async () => unwrap(await pushFileSet(link, serial, set, { signal })));
      };
      const again = (): Promise<number> =>
        timed(async () => unwrap(await pushFileSet(link, serial, set, { signal })));
      const theirs = async (): Promise<number> => {
        await shell(link, serial, 'rm -rf /data/local/tmp/adb-push && mkdir -p /data/local/tmp/adb-push');
        const files = [...set.sources.values()];
        return timed(() => adb('-s', serial, 'push', ...files, '/data/local/tmp/adb-push/'));
      };
      // The first round warms up caches; then who goes first alternates.
      const first = round % 2 === 0 ? await ours() : null;
      const firstAgain = round % 2 === 0 ? await again() : null;
      const adbTook = await theirs();
      const oursTook = first ?? (await ours());
      const againTook = firstAgain ?? (await again());
      say(
        `round ${round}: ours ${oursTook.toFixed(2)} s, adb push ${adbTook.toFixed(2)} s, unchanged ${againTook.toFixed(2)} s`,
      );
      if (round === 0) continue;
      oursSeconds.push(oursTook);
      adbSeconds.push(adbTook);
      againSeconds.push(againTook);
    }
    const speed = median(adbSeconds) / median(oursSeconds);
    const again = median(againSeconds);
    const goals = [
      {
        goal: 'our push, times the speed of `adb push`',
        value: speed,
        limit: 0.9,
        better: 'larger',
        reached: speed >= 0.9,
      },
      {
        goal: 'second push of an unchanged bundle, s',
        value: again,
        limit: 1,
        better: 'smaller',
        reached: again < 1,
      },
    ];
    return {
      bench: 'push',
      host: hostDescription(),
      phone: 'virtual',
      adb: (await adb('version')).split('\n')[0],
      bytes,
      files: set.files.length,
      rounds: options.rounds,
      seconds: {
        ours: summarize(oursSeconds),
        adbPush: summarize(adbSeconds),
        unchanged: summarize(againSeconds),
      },
      megabytesPerSecond: {
        ours: bytes / 1e6 / median(oursSeconds),
        adbPush: bytes / 1e6 / median(adbSeconds),
      },
      goals,
    };
  } finally {
    await phone.stop();
    await adb('kill-server').catch(() => undefined);
    await rm(home, { recursive: true, force: true });
  }
}
