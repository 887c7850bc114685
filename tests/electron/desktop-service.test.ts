import { join } from 'node:path';
import { expect, test } from 'vitest';
import { unwrap } from '../../core/result.ts';
import { makeFakeBundle } from './fake-product.ts';
import { shortTrace, useDesktops } from './support/desktops.ts';
import { until } from './until.ts';

const desktops = useDesktops();

test('phone, bundle, start: the session is ready, with push report, health and profile', async () => {
  const service = await desktops.withPhone();
  expect(service.state().devices[0]).toMatchObject({
    serial: desktops.door.serial,
    kind: 'virtual',
    abi: 'x86_64',
  });
  expect(service.state().bundles.map((b) => b.failure?.code ?? b.name)).toEqual(['bundle-corrupt', 'one']);
  const phases: string[] = [];
  service.subscribe(({ state }) => {
    const phase = state?.session?.phase;
    if (phase !== undefined && phases.at(-1) !== phase) phases.push(phase);
    return true;
  });
  unwrap(await service.call('session.start', { serial: desktops.door.serial, bundleId: desktops.bundleId }));
  const { session, environment } = service.state();
  expect(session).toMatchObject({ phase: 'ready', restarts: 0, failure: null });
  expect(session?.health?.status).toBe('ready');
  expect(session?.profile?.device).toMatchObject({ serial: desktops.door.serial, virtual: true });
  expect(session?.pushReport?.bytes).toBeGreaterThan(2_000_000);
  expect(session?.baseUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(environment).toMatchObject({ phone: 'virtual', onnxruntime: 'fake', bungee: '0.0.0-test' });
  expect(environment?.description).toContain('virtual phone on this CPU');
  await until('it is shown', () => phases.at(-1) === 'ready');
  expect(phases[0]).toBe('pushing');
  unwrap(await service.call('session.stop', {}));
  expect(service.state().session?.phase).toBe('stopped');
});

test('an unplugged phone: the session is lost, and ready again when it returns', async () => {
  const service = await desktops.ready();
  const pid = service.state().session?.agent?.pid;
  desktops.door.phone.unplug();
  await until('it is lost', () => service.state().session?.phase === 'lost');
  expect(service.state().devices[0]?.state).toBe('gone');
  expect((await service.call('run.start', { trace: shortTrace() })).ok).toBe(false);
  desktops.door.phone.plug();
  await until('it is ready again', () => service.state().session?.phase === 'ready');
  expect(service.state().session?.agent?.pid).toBe(pid);
  unwrap(await service.call('run.start', { trace: shortTrace() }));
  expect((await service.runFinished())?.summary?.requests.completed).toBeGreaterThan(6);
});

test('the next desktop takes up the agent that the last one left running', async () => {
  const first = await desktops.ready();
  const pid = first.state().session?.agent?.pid;
  await desktops.close(first);
  const second = await desktops.open();
  await until('it is taken up', () => second.state().session?.phase === 'ready');
  expect(second.state().session).toMatchObject({ bundleId: desktops.bundleId, agent: { pid } });
  expect(second.state().session?.profile).not.toBeNull();
  unwrap(await second.call('session.start', { serial: desktops.door.serial, bundleId: desktops.bundleId }));
  expect(second.state().session?.agent?.pid).toBe(pid);
  expect(second.state().session?.pushReport).toMatchObject({ bytes: 0 });
});

test('aliases, SLOs and added bundles are found again at the next start', async () => {
  const service = await desktops.withPhone();
  unwrap(await service.call('device.alias', { serial: desktops.door.serial, alias: 'My phone' }));
  unwrap(await service.call('slo.set', { app: 'gmail', slo: { ttft: 0.33 } }));
  const other = await makeFakeBundle(join(desktops.door.folder, 'elsewhere'), 'two');
  unwrap(await service.call('bundle.add', { path: join(desktops.door.folder, 'elsewhere') }));
  await desktops.close(service);
  const next = await desktops.open();
  await until('the phone is there', () => next.state().devices[0]?.alias === 'My phone');
  expect(next.state().slos.gmail).toEqual({ ttft: 0.33 });
  expect(next.state().bundles.some((row) => row.id === other.bundleId)).toBe(true);
});

test('an adb server that is away is said, and used as soon as it comes', async () => {
  const { freePort } = await import('./phone-doors.ts');
  const port = await freePort();
  const service = await desktops.open({ adb: { port, embedded: true } });
  expect(service.state().adb).toMatchObject({ connected: false, port });
  expect(service.state().adb.failure).toContain('does not answer');
  const { startVirtualPhone } = await import('../../virtual-phone/index.ts');
  const late = unwrap(
    await startVirtualPhone({
      stateDir: join(desktops.door.folder, 'late'),
      adbdPort: null,
      adbServerPort: port,
      serial: 'LATE',
    }),
  );
  await until('its phone is seen', () =>
    service.state().devices.some((d) => d.serial === 'LATE' && d.state === 'device'),
  );
  expect(service.state().adb).toMatchObject({ connected: true, failure: null });
  await late.stop();
  await until('it is noticed', () => !service.state().adb.connected);
  expect(service.state().devices[0]?.state).toBe('gone');
});

test.each([
  ['no-such-command', {}, 'unknown-command'],
  ['__proto__', {}, 'unknown-command'],
  ['session.start', { serial: 'x' }, 'invalid-input'],
  ['session.start', { serial: 'none', bundleId: 'none' }, 'bundle-unknown'],
  ['level.pin', { level: 55 }, 'invalid-input'],
  ['level.pin', { level: 50 }, 'session-not-ready'],
  ['slo.set', { app: 'gmail', slo: { ttft: 0 } }, 'invalid-input'],
  ['slo.set', { app: 'gmail', slo: { ttft: Number.NaN } }, 'invalid-input'],
  ['run.start', { trace: { kind: 'steady', requestsPerMinute: -1 } }, 'invalid-input'],
  ['run.start', { trace: {} }, 'session-not-ready'],
  ['run.stop', {}, 'run-none'],
  ['run.read', { id: '../../etc/passwd' }, 'run-unknown'],
  ['run.delete', { id: '..' }, 'run-unknown'],
  ['bundle.add', { path: '/nowhere' }, 'bundle-missing'],
  ['device.connect', { address: '127.0.0.1:1; rm -rf /' }, 'invalid-input'],
  ['agent.log', {}, 'session-not-ready'],
  ['state', { extra: 1 }, 'invalid-input'],
  ['state', 'text', 'invalid-input'],
] as const)('%s %j fails as %s', async (command, request, code) => {
  const service = await desktops.open();
  const result = await service.call(command as 'state', request);
  expect(result.ok ? null : result.failure.code).toBe(code);
  if (!result.ok) expect(result.failure.message).toMatch(/\.$/);
});
