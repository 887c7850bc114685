import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { DesktopUpdate } from '../../core/desktop-contract.ts';
import { unwrap } from '../../core/result.ts';
import type { LiveEvent } from '../../core/run-record.ts';
import { shortTrace, useDesktops } from './support/desktops.ts';
import { until } from './until.ts';

const desktops = useDesktops();

test('a run is played, recorded, summarised and found again', async () => {
  const service = await desktops.ready();
  const updates: DesktopUpdate[] = [];
  service.subscribe((update) => {
    updates.push(update);
    return true;
  });
  const { id } = unwrap(await service.call('run.start', { trace: shortTrace() }));
  expect(service.state().run?.id).toBe(id);
  expect((await service.call('run.start', { trace: shortTrace() })).ok).toBe(false);
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
  expect(await readdir(join(desktops.door.folder, 'state', 'runs'))).toEqual([]);
});

test('load, SLOs and the level change while a run is on', async () => {
  const service = await desktops.ready();
  const live: LiveEvent[] = [];
  service.subscribe((update) => {
    live.push(...update.live);
    return true;
  });
  unwrap(await service.call('run.start', { trace: shortTrace({ requestsPerMinute: 1, durationS: null }) }));
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
  const service = await desktops.ready();
  unwrap(await service.call('run.start', { trace: shortTrace({ durationS: 3.5, requestsPerMinute: 600 }) }));
  await until('some are done', () => (service.state().run?.finished ?? 0) > 3);
  await desktops.door.link.shell(desktops.door.serial, `kill -9 ${service.state().session?.agent?.pid ?? 0}`);
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

test('a run that a crash left behind is marked interrupted, with what it recorded', async () => {
  const service = await desktops.ready();
  unwrap(await service.call('run.start', { trace: shortTrace() }));
  const id = (await service.runFinished())?.id ?? '';
  await desktops.close(service);
  const file = join(desktops.door.folder, 'state', 'runs', id, 'run.json');
  const record = JSON.parse(await readFile(file, 'utf8')) as object;
  await writeFile(file, JSON.stringify({ ...record, status: 'running', endedAt: null, summary: null }));
  await mkdir(join(desktops.door.folder, 'state', 'runs', 'rubbish'));
  const next = await desktops.open();
  expect(next.state().runs.map((row) => [row.id, row.status])).toEqual([[id, 'interrupted']]);
  const read = unwrap(await next.call('run.read', { id }));
  expect(read.events.length).toBeGreaterThan(12);
});
