import { join } from 'node:path';
import { unwrap } from '../../core/result.ts';
import { agentFileSet } from '../../electron/agent/agent-files.ts';
import type { Deployment } from '../../electron/agent/agent-on-phone.ts';
import type { DesktopOptionsInput } from '../../electron/desktop/options.ts';
import { openHashCache } from '../../electron/files/hash-cache.ts';
import { pushFileSet } from '../../electron/push/push-file-set.ts';
import { makeFakeAgentFiles, makeFakeBundle } from './fake-product.ts';
import type { PhoneDoor } from './phone-doors.ts';

/** Desktop services over a door, everything of theirs in the door's folder, with one fake bundle. */
export async function fakeDesktop(
  door: PhoneDoor,
): Promise<{ readonly options: DesktopOptionsInput; readonly bundleId: string }> {
  const agent = await makeFakeAgentFiles(door.folder);
  const bundles = join(door.folder, 'bundles');
  const { bundleId } = await makeFakeBundle(join(bundles, 'one'), 'one');
  return {
    bundleId,
    options: {
      adb: { port: door.adbPort, embedded: true },
      stateDir: join(door.folder, 'state'),
      bundleDirs: [{ path: bundles }],
      ...agent,
      packsDir: join(door.folder, 'packs'),
      version: '0.0.0-test',
      host: 'headless',
    },
  };
}

/** Pushes the fake agent; what a start of it would be. */
export async function fakeDeployment(door: PhoneDoor): Promise<Deployment> {
  const files = await makeFakeAgentFiles(door.folder);
  const hashes = await openHashCache(join(door.folder, 'hashes.json'));
  const set = unwrap(await agentFileSet(files, { folder: 'linux/x64', packDir: null }, hashes));
  unwrap(await pushFileSet(door.link, door.serial, set));
  return {
    agentSetId: set.id,
    bundleSetId: 'bundle1',
    bundleId: 'fake-bundle',
    threads: null,
    guardCorrection: true,
    runtimeSetId: null,
    byHand: false,
    launch: { command: ['node'], environment: {} },
  };
}
