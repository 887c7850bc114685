import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { unwrap } from '../../core/result.ts';
import { AGENT_HOME } from '../../electron/push/phone-layout.ts';
import { useDesktops } from './support/desktops.ts';
import { until } from './until.ts';

const desktops = useDesktops();

test('the doctor finds everything in order, and says what is not', async () => {
  const service = await desktops.withPhone();
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
  const service = await desktops.ready();
  const { session, environment } = service.state();
  expect(session?.proof).toMatchObject({
    device: {
      serial: desktops.door.serial,
      virtual: true,
      systemBuild: expect.stringContaining('virtual') as string,
    },
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
  await mkdir(desktops.door.phone.hostPath(AGENT_HOME), { recursive: true });
  await writeFile(join(desktops.door.phone.hostPath(AGENT_HOME), 'prove-fails'), '');
  const service = await desktops.open();
  const notes: string[] = [];
  service.subscribe(({ live }) => {
    for (const event of live) if (event.kind === 'note') notes.push(`${event.severity}: ${event.text}`);
    return true;
  });
  await until('the phone is there', () => service.state().devices[0]?.state === 'device');
  unwrap(await service.call('session.start', { serial: desktops.door.serial, bundleId: desktops.bundleId }));
  expect(service.state().session).toMatchObject({ phase: 'ready', proof: null });
  await until('it is noted', () => notes.some((note) => /^warning: .*not proved, the CPU serves/.test(note)));
  expect(service.state().environment?.providerProof).toEqual([]);
});
