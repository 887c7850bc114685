import { Command } from 'commander';
import { unwrap } from '../core/result.ts';
import { createAdbkitLink } from '../electron/adb/adbkit-link.ts';
import { readBundle } from '../electron/desktop/bundle-catalog.ts';
import { openHashCache } from '../electron/files/hash-cache.ts';
import { bundleFileSet } from '../electron/files/local-file-set.ts';
import { setFolder } from '../electron/push/phone-layout.ts';
import { pushFileSet } from '../electron/push/push-file-set.ts';
import { printJson, runCommand, say, throttledSay } from './shared/command-line.ts';
import { waitForPhone, withDesktop } from './shared/desktop-session.ts';
import type { PhoneFlags } from './shared/phone-setup.ts';
import { stateFolder } from './shared/folders.ts';
import { addPhoneFlags } from './shared/phone-flags.ts';

const program = addPhoneFlags(
  new Command('push').description(
    'Push a bundle to a phone: only what is missing travels, verified by SHA-256.',
  ),
).option('--json', 'print the report as one JSON line');

await runCommand(program, async (signal) => {
  const flags = program.opts<PhoneFlags & { json?: true }>();
  await withDesktop(flags, signal, async ({ service, setup }) => {
    const device = unwrap(await waitForPhone(service, setup.serial ?? '', signal));
    const { host, port } = setup.options.adb;
    const hashes = await openHashCache(stateFolder('hashes.json'));
    const set = await bundleFileSet(setup.bundleDir, unwrap(await readBundle(setup.bundleDir)), hashes);
    const tell = throttledSay(500);
    const report = unwrap(
      await pushFileSet(createAdbkitLink(host, port), device.serial, set, {
        signal,
        onProgress: ({ phase, bytesDone, bytesTotal, bytesPerSecond, etaMs }) =>
          tell(
            `${phase}: ${(bytesDone / 1e6).toFixed(0)} of ${(bytesTotal / 1e6).toFixed(0)} MB` +
              `${bytesPerSecond === null ? '' : `, ${(bytesPerSecond / 1e6).toFixed(0)} MB/s`}` +
              `${etaMs === null ? '' : `, ${Math.ceil(etaMs / 1000)} s left`}`,
            phase === 'done',
          ),
      }),
    );
    const folder = setFolder(set.id);
    if (flags.json === true) await printJson({ serial: device.serial, kind: device.kind, folder, ...report });
    else
      say(
        `${folder} on ${device.serial}: ${(report.bytes / 1e6).toFixed(0)} MB in ${report.seconds.toFixed(2)} s`,
      );
  });
});
