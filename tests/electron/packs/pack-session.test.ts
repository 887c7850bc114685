import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { unwrap } from '../../../core/result.ts';
import { type RuntimePack } from '../../../core/runtime-pack.ts';
import { hostAbi } from '../../../electron/packs/host-pack.ts';
import { writePack } from '../../../electron/packs/write-pack.ts';
import { AGENT_HOME, SETS } from '../../../electron/push/phone-layout.ts';
import { useDesktops } from '../support/desktops.ts';

const desktops = useDesktops();

/** A pack whose Node is a script that starts the phone's, with a binding of its own. */
async function makePack(binding: string): Promise<RuntimePack> {
  const node = '#!/system/bin/sh\necho "mark is $MARK" >&2\nexec node "$@"\n';
  const content = {
    pack: {
      name: 'host' as const,
      abi: hostAbi(),
      node: 'v0.0.0',
      onnxruntime: '0.0.0',
      providers: ['cpu' as const],
      launch: { command: ['{pack}/bin/node'], environment: { MARK: '{home}/mark', LIBRARIES: '{pack}/lib' } },
      binding: { from: 'pack' as const, folder: 'linux/x64' },
      parts: [],
    },
    files: [
      { path: 'bin/node', bytes: Buffer.from(node) },
      { path: 'lib/libstdc++.so.6', bytes: Buffer.alloc(100) },
      { path: 'onnxruntime/onnxruntime_binding.node', bytes: Buffer.from(binding) },
    ],
  };
  return unwrap(await writePack(content, join(desktops.door.folder, 'my-pack')));
}

async function shell(command: string): Promise<string> {
  return unwrap(await desktops.door.link.shell(desktops.door.serial, command)).stdout;
}

test('the virtual phone gets this computer’s Node, and the session and its environment say why', async () => {
  const service = await desktops.withPhone({ pack: null });
  unwrap(await service.call('session.start', { serial: desktops.door.serial, bundleId: desktops.bundleId }));
  const { session, environment } = service.state();
  expect(session?.pack).toEqual({ name: 'host', why: 'the virtual phone runs this computer’s own Node' });
  expect(environment?.runtimePack).toEqual(session?.pack);
  expect(await shell(`ls ${SETS}`)).toMatch(/^\w+\n\w+\n$/);
  const { checks } = unwrap(await service.call('doctor.run', {}));
  expect(checks.find(({ id }) => id.startsWith('pack:'))).toMatchObject({
    status: 'ok',
    text: `host: the virtual phone runs this computer’s own Node, ${process.version}`,
  });
});

test('a pack is pushed with its programs executable, and the agent runs on it with its binding', async () => {
  await makePack('first');
  const service = await desktops.withPhone({ pack: join(desktops.door.folder, 'my-pack') });
  unwrap(await service.call('session.start', { serial: desktops.door.serial, bundleId: desktops.bundleId }));
  expect(service.state().session?.pack).toEqual({ name: 'host', why: 'asked for by --pack' });
  const [agentSet, , runtimeSet] = (await shell(`head -n 1 ${AGENT_HOME}/started-from`)).trim().split(' ');
  const onPhone = (set: string | undefined, path: string): string =>
    desktops.door.phone.hostPath(`${SETS}/${set ?? ''}/${path}`);
  expect((await stat(onPhone(runtimeSet, 'bin/node'))).mode & 0o111).toBe(0o111);
  expect((await stat(onPhone(runtimeSet, 'lib/libstdc++.so.6'))).mode & 0o111).toBe(0);
  const binding = 'node_modules/onnxruntime-node/bin/napi-v6/linux/x64/onnxruntime_binding.node';
  expect(await readFile(onPhone(agentSet, binding), 'utf8')).toBe('first');
  expect(await shell(`cat ${AGENT_HOME}/agent.log`)).toContain(`mark is ${AGENT_HOME}/mark`);
});

test('an agent on the same pack is taken up again, one on another is replaced', async () => {
  await makePack('first');
  const pack = join(desktops.door.folder, 'my-pack');
  const pidOf = async (): Promise<number | undefined> => {
    const service = await desktops.withPhone({ pack });
    unwrap(
      await service.call('session.start', { serial: desktops.door.serial, bundleId: desktops.bundleId }),
    );
    const pid = service.state().session?.agent?.pid;
    await desktops.close(service);
    return pid;
  };
  const first = await pidOf();
  expect(first).toBeDefined();
  expect(await pidOf()).toBe(first);
  await makePack('second');
  expect(await pidOf()).not.toBe(first);
});

test('a pack that is damaged, does not suit the phone or is none at all fails the start in one line', async () => {
  const start = async (pack: string): Promise<string> => {
    const service = await desktops.withPhone({ pack });
    const started = await service.call('session.start', {
      serial: desktops.door.serial,
      bundleId: desktops.bundleId,
    });
    await desktops.close(service);
    return started.ok ? 'started' : `${started.failure.code}: ${started.failure.message}`;
  };
  await makePack('first');
  await writeFile(join(desktops.door.folder, 'my-pack', 'lib/libstdc++.so.6'), Buffer.alloc(100, 1));
  expect(await start(join(desktops.door.folder, 'my-pack'))).toMatch(
    /^pack-damaged: lib\/libstdc\+\+\.so\.6 of the runtime pack/,
  );
  expect(await start('android')).toMatch(/^pack-none: The runtime pack android does not suit this phone/);
  await mkdir(join(desktops.door.folder, 'nothing'));
  expect(await start(join(desktops.door.folder, 'nothing'))).toMatch(
    /^pack-missing: .*nothing holds no runtime pack/,
  );
});
