import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DesktopUpdate } from '../../core/desktop-contract.ts';
import { unwrap } from '../../core/result.ts';
import type { LiveEvent } from '../../core/run-record.ts';
import { traceSpecSchema } from '../../core/trace.ts';
import { startDesktopService, type DesktopService } from '../../electron/desktop/desktop-service.ts';
import { AGENT_HOME } from '../../electron/push/phone-layout.ts';
import { desktopOptionsSchema, type DesktopOptionsInput } from '../../electron/desktop/options.ts';
import { fakeDesktop } from './fake-desktop.ts';
import { makeFakeBundle } from './fake-product.ts';
import { embeddedDoor, type PhoneDoor } from './phone-doors.ts';
import { until } from './until.ts';

let door: PhoneDoor;
let options: DesktopOptionsInput;
let bundleId: string;
const services: DesktopService[] = [];

beforeEach(async () => {
  door = await embeddedDoor();
  ({ options, bundleId } = await fakeDesktop(door));
  await makeFakeBundle(join(door.folder, 'bundles', 'damaged'), 'damaged');
  await writeFile(join(door.folder, 'bundles', 'damaged', 'manifest.json'), '{"schemaVersion":1}');
});
afterEach(async () => {
  for (const service of services.splice(0)) await service.close();
  await door.close();
});

async function open(): Promise<DesktopService> {
  const service = unwrap(await startDesktopService(desktopOptionsSchema.parse(options)));
  services.push(service);
  return service;
}

async function ready(): Promise<DesktopService> {
  const service = await open();
  await until('the phone is there', () => service.state().devices[0]?.state === 'device');
  unwrap(await service.call('session.start', { serial: door.serial, bundleId }));
  return service;
}

const trace = (change: object = {}) =>
  traceSpecSchema.parse({ kind: 'steady', requestsPerMinute: 1200, durationS: 0.6, ...change });

test('phone, bundle, start: the session is ready, with push report, health and profile', async () => {
  const service = await open();
  await until('the phone is there', () => service.state().devices[0]?.state === 'device');
  expect(service.state().devices[0]).toMatchObject({ serial: door.serial, kind: 'virtual', abi: 'x86_64' });
  expect(service.state().bundles.map((b) => b.failure?.code ?? b.name)).toEqual(['bundle-corrupt', 'one']);
  const phases: string[] = [];
  service.subscribe(({ state }) => {
    const phase = state?.session?.phase;
    if (phase !== undefined && phases.at(-1) !== phase) phases.push(phase);
    return true;
  });
  unwrap(await service.call('session.start', { serial: door.serial, bundleId }));
  const { session, environment } = service.state();
  expect(session).toMatchObject({ phase: 'ready', restarts: 0, failure: null });
  expect(session?.health?.status).toBe('ready');
  expect(session?.profile?.device).toMatchObject({ serial: door.serial, virtual: true });
  expect(session?.pushReport?.bytes).toBeGreaterThan(2_000_000);
  expect(session?.baseUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(environment).toMatchObject({ phone: 'virtual', onnxruntime: 'fake', bungee: '0.0.0-test' });
  expect(environment?.description).toContain('virtual phone on this CPU');
  await until('it is shown', () => phases.at(-1) === 'ready');
  expect(phases[0]).toBe('pushing');
  unwrap(await service.call('session.stop', {}));
  expect(service.state().session?.phase).toBe('stopped');
});

test('a run is played, recorded, summarised and found again', async () => {
  const service = await ready();
  const updates: DesktopUpdate[] = [];
  service.subscribe((update) => {
    updates.push(update);
    return true;
  });
  const { id } = unwrap(await service.call('run.start', { trace: trace() }));
  expect(service.state().run?.id).toBe(id);
  expect((await service.call('run.start', { trace: trace() })).ok).toBe(false);
  const record = await service.runFinished();
  expect(record).toMatchObject({ id, status: 'finished', failure: null });
  const summary = record?.summary;
  expect(summary?.requests.sent).toBe(12);
  expect((summary?.requests.completed ?? 0) + (summary?.requests.cutOff ?? 0)).toBe(12);
  expect(summary?.requests.completed).toBeGreaterThan(6);
  expect(summary?.sloAttainment).toBe(1);
  expect(summary?.itlMs.n).toBe((summary?.requests.completed ?? 0) * 3);
  expect(Object.keys(summary?.levelsUsed ?? {}).sort()).toEqual(['100', '20']);
  expect(service.state().run).toBeNull();
  expect(service.state().runs[0]).toMatchObject({ id, status: 'finished', virtual: true });
  const live = updates.flatMap((update) => update.live);
  const sent = live.flatMap((event) => (event.kind === 'sent' ? [event.requestId] : []));
  const queued = live.flatMap((event) =>
    event.kind === 'agent' && event.event.type === 'request-queued' ? [event.event.requestId] : [],
  );
  expect(queued.sort()).toEqual(sent.sort());
  const read = unwrap(await service.call('run.read', { id }));
  expect(read.run).toEqual(record);
  expect(read.events.filter((event) => event.kind === 'sent')).toHaveLength(12);
  const csv = unwrap(await service.call('run.export', { id, format: 'csv' }));
  expect(csv.text).toContain('VIRTUAL PHONE');
  expect(csv.text.split('\r\n').filter((line) => line.startsWith(id))).toHaveLength(12);
  const json = unwrap(await service.call('run.export', { id, format: 'json' }));
  expect(JSON.parse(json.text)).toMatchObject({ run: { id, environment: { phone: 'virtual' } } });
  unwrap(await service.call('run.delete', { id }));
  expect(service.state().runs).toEqual([]);
  expect(await readdir(join(door.folder, 'state', 'runs'))).toEqual([]);
});

test('load, SLOs and the level change while a run is on', async () => {
  const service = await ready();
  const live: LiveEvent[] = [];
  service.subscribe((update) => {
    live.push(...update.live);
    return true;
  });
  unwrap(await service.call('run.start', { trace: trace({ requestsPerMinute: 1, durationS: null }) }));
  await until('the first left', () => live.some((event) => event.kind === 'sent'));
  unwrap(await service.call('level.pin', { level: 40 }));
  for (const { id } of (await import('../../core/app.ts')).APPS)
    unwrap(await service.call('slo.set', { app: id, slo: { ttftMs: 77 } }));
  unwrap(await service.call('run.load', { requestsPerMinute: 1200 }));
  await until('many left', () => live.filter((event) => event.kind === 'sent').length > 8);
  unwrap(await service.call('run.stop', {}));
  const later = live.filter((event) => event.kind === 'sent').slice(2);
  expect(later.every((event) => event.kind === 'sent' && event.slo?.ttftMs === 77)).toBe(true);
  const levels = live.flatMap((event) =>
    event.kind === 'agent' && event.event.type === 'request-started'
      ? [event.event.decision.strategy.modelLevel]
      : [],
  );
  expect(levels.at(-1)).toBe(40);
  expect(service.state().pinnedLevel).toBe(40);
  expect(service.state().trace.requestsPerMinute).toBe(1200);
  expect(live.some((event) => event.kind === 'slo-changed')).toBe(true);
  expect(live.some((event) => event.kind === 'level-pinned')).toBe(true);
});

test('an agent that dies in a run: its requests fail, it is restarted, the run goes on', async () => {
  const service = await ready();
  unwrap(await service.call('run.start', { trace: trace({ durationS: 3.5, requestsPerMinute: 600 }) }));
  await until('some are done', () => (service.state().run?.finished ?? 0) > 3);
  await door.link.shell(door.serial, `kill -9 ${service.state().session?.agent?.pid ?? 0}`);
  const record = await service.runFinished();
  expect(record?.status).toBe('finished');
  expect(record?.summary?.requests.failed).toBeGreaterThan(0);
  expect(service.state().session).toMatchObject({ phase: 'ready', restarts: 1 });
  const { events } = unwrap(await service.call('run.read', { id: record?.id ?? '' }));
  const back = events.findIndex((event) => event.kind === 'note' && /agent is back/.test(event.text));
  expect(back).toBeGreaterThan(0);
  const afterwards = events.slice(back);
  expect(afterwards.some((e) => e.kind === 'agent' && e.event.type === 'request-finished')).toBe(true);
});

test('an unplugged phone: the session is lost, and ready again when it returns', async () => {
  const service = await ready();
  const pid = service.state().session?.agent?.pid;
  door.phone.unplug();
  await until('it is lost', () => service.state().session?.phase === 'lost');
  expect(service.state().devices[0]?.state).toBe('gone');
  expect((await service.call('run.start', { trace: trace() })).ok).toBe(false);
  door.phone.plug();
  await until('it is ready again', () => service.state().session?.phase === 'ready');
  expect(service.state().session?.agent?.pid).toBe(pid);
  unwrap(await service.call('run.start', { trace: trace() }));
  expect((await service.runFinished())?.summary?.requests.completed).toBeGreaterThan(6);
});

test('the next desktop takes up the agent that the last one left running', async () => {
  const first = await ready();
  const pid = first.state().session?.agent?.pid;
  await first.close();
  services.pop();
  const second = await open();
  await until('it is taken up', () => second.state().session?.phase === 'ready');
  expect(second.state().session).toMatchObject({ bundleId, agent: { pid } });
  expect(second.state().session?.profile).not.toBeNull();
  unwrap(await second.call('session.start', { serial: door.serial, bundleId }));
  expect(second.state().session?.agent?.pid).toBe(pid);
  expect(second.state().session?.pushReport).toMatchObject({ bytes: 0 });
});

test('a run that a crash left behind is marked interrupted, with what it recorded', async () => {
  const service = await ready();
  unwrap(await service.call('run.start', { trace: trace() }));
  const id = (await service.runFinished())?.id ?? '';
  await service.close();
  services.pop();
  const file = join(door.folder, 'state', 'runs', id, 'run.json');
  const record = JSON.parse(await readFile(file, 'utf8')) as object;
  await writeFile(file, JSON.stringify({ ...record, status: 'running', endedAt: null, summary: null }));
  await mkdir(join(door.folder, 'state', 'runs', 'rubbish'));
  const next = await open();
  expect(next.state().runs.map((row) => [row.id, row.status])).toEqual([[id, 'interrupted']]);
  const read = unwrap(await next.call('run.read', { id }));
  expect(read.events.length).toBeGreaterThan(12);
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
  const service = await open();
  const result = await service.call(command as 'state', request);
  expect(result.ok ? null : result.failure.code).toBe(code);
  if (!result.ok) expect(result.failure.message).toMatch(/\.$/);
});

test('the doctor finds everything in order, and says what is not', async () => {
  const service = await open();
  await until('the phone is there', () => service.state().devices[0]?.state === 'device');
  const { checks } = unwrap(await service.call('doctor.run', {}));
  const status = Object.fromEntries(checks.map((check) => [check.id.split(':')[0], check.status]));
  expect(status).toMatchObject({
    'adb-server': 'ok',
    devices: 'ok',
    authorised: 'ok',
    space: 'ok',
    pack: 'ok',
    'agent-files': 'ok',
    bundles: 'warning',
    disk: 'ok',
  });
  expect(
    checks.every((check) => check.status === 'ok' || check.status === 'skipped' || check.remedy !== null),
  ).toBe(true);
  expect(service.state().doctor).toEqual(checks);
});

test('a start proves the providers; the doctor tells of them, and a made-up case as simulated', async () => {
  const service = await ready();
  const { session, environment } = service.state();
  expect(session?.proof).toMatchObject({
    device: { serial: door.serial, virtual: true, systemBuild: expect.stringContaining('virtual') as string },
    chosen: { prefill: 'cpu', decode: 'cpu' },
  });
  expect(environment?.provider).toBe('cpu');
  expect(environment?.providerProof).toContain('nnapi: not-in-library. It is not there.');
  const { checks } = unwrap(await service.call('doctor.run', {}));
  const status = Object.fromEntries(checks.map((check) => [check.id.split(':')[0], check.status]));
  expect(status).toMatchObject({
    memory: expect.stringMatching(/ok|warning/) as string,
    thermal: 'ok',
    battery: 'ok',
    cpu: 'ok',
    nnapi: 'skipped',
    'agent-reachable': 'ok',
    providers: 'ok',
    'placement-nnapi': 'skipped',
    chosen: 'ok',
  });
  expect(checks.some(({ text }) => text.includes('SIMULATED'))).toBe(false);
  const made = unwrap(await service.call('doctor.run', { inject: 'nnapi-declines' })).checks;
  expect(made.find(({ id }) => id.startsWith('chosen'))?.text).toMatch(/^SIMULATED \(nnapi-declines\)/);
  expect(service.state().session?.proof).toEqual(session?.proof);
});

test('a phone whose providers cannot be proved serves on the CPU, and that is noted', async () => {
  await mkdir(door.phone.hostPath(AGENT_HOME), { recursive: true });
  await writeFile(join(door.phone.hostPath(AGENT_HOME), 'prove-fails'), '');
  const service = await open();
  const notes: string[] = [];
  service.subscribe(({ live }) => {
    for (const event of live) if (event.kind === 'note') notes.push(`${event.severity}: ${event.text}`);
    return true;
  });
  await until('the phone is there', () => service.state().devices[0]?.state === 'device');
  unwrap(await service.call('session.start', { serial: door.serial, bundleId }));
  expect(service.state().session).toMatchObject({ phase: 'ready', proof: null });
  await until('it is noted', () => notes.some((note) => /^warning: .*not proved, the CPU serves/.test(note)));
  expect(service.state().environment?.providerProof).toEqual([]);
});

test('aliases, SLOs and added bundles are found again at the next start', async () => {
  const service = await open();
  await until('the phone is there', () => service.state().devices[0]?.state === 'device');
  unwrap(await service.call('device.alias', { serial: door.serial, alias: 'My phone' }));
  unwrap(await service.call('slo.set', { app: 'gmail', slo: { ttft: 0.33 } }));
  const other = await makeFakeBundle(join(door.folder, 'elsewhere'), 'two');
  unwrap(await service.call('bundle.add', { path: join(door.folder, 'elsewhere') }));
  await service.close();
  services.pop();
  const next = await open();
  await until('the phone is there', () => next.state().devices[0]?.alias === 'My phone');
  expect(next.state().slos.gmail).toEqual({ ttft: 0.33 });
  expect(next.state().bundles.some((row) => row.id === other.bundleId)).toBe(true);
});

test('an adb server that is away is said, and used as soon as it comes', async () => {
  const { freePort } = await import('./phone-doors.ts');
  const port = await freePort();
  options = { ...options, adb: { port, embedded: true } };
  const service = await open();
  expect(service.state().adb).toMatchObject({ connected: false, port });
  expect(service.state().adb.failure).toContain('does not answer');
  const { startVirtualPhone } = await import('../../virtual-phone/index.ts');
  const late = unwrap(
    await startVirtualPhone({
      stateDir: join(door.folder, 'late'),
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
