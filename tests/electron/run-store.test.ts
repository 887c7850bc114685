import { mkdtemp, rm, writeFile, appendFile, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { unwrap } from '../../core/result.ts';
import { RunStore } from '../../electron/runs/run-store.ts';
import { summarizeRun } from '../../electron/runs/run-summary.ts';
import { note, record } from './support/run-record.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bungee-runs-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const QUIET = { switches: 0, lowerings: 0, heat: null };

describe('the run store', () => {
  test('keeps a run and its events, and gives them back', async () => {
    const store = new RunStore(folder);
    const log = unwrap(await store.create(record('a')));
    for (let i = 0; i < 500; i++) log.append(note(`n${i}`));
    await log.close();
    expect(log.failure).toBeNull();
    const read = unwrap(await store.read('a'));
    expect(read.run).toEqual(record('a'));
    expect(read.events).toHaveLength(500);
  });

  test('events reach the disk within a moment, without an end', async () => {
    const store = new RunStore(folder);
    const log = unwrap(await store.create(record('a')));
    log.append(note('early'));
    await vi.waitFor(async () =>
      expect(await readFile(join(folder, 'a', 'events.jsonl'), 'utf8')).toContain('early'),
    );
    await log.close();
  });

  test('after a crash: interrupted, and a torn last line costs only itself', async () => {
    const store = new RunStore(folder);
    const log = unwrap(await store.create(record('a')));
    log.append(note('whole'));
    await log.close();
    await appendFile(join(folder, 'a', 'events.jsonl'), '{"kind":"note","hostAtMs":1,"sev');
    expect(await store.markInterrupted()).toEqual(['a']);
    const read = unwrap(await store.read('a'));
    expect(read.run.status).toBe('interrupted');
    expect(read.events).toEqual([note('whole')]);
    expect(await store.markInterrupted()).toEqual([]);
  });

  test('reads the record of a version that judged no service and knew no correction', async () => {
    const store = new RunStore(folder);
    const summary = summarizeRun([], 0, QUIET);
    await unwrap(await store.create(record('old', { summary }))).close();
    const path = join(folder, 'old', 'run.json');
    const old = JSON.parse(await readFile(path, 'utf8')) as Record<string, Record<string, unknown>>;
    const since = [
      'serviceAttainment',
      'serviceTtftMs',
      'decisions',
      'promptShareKept',
      'tlmShareOfTtft',
      'levelLowerings',
    ];
    for (const field of since) delete old['summary']?.[field];
    delete old['environment']?.['guardCorrection'];
    await writeFile(path, JSON.stringify(old));
    const read = unwrap(await store.record('old'));
    expect(read.environment.guardCorrection).toBeNull();
    expect(read.summary).toMatchObject({ serviceAttainment: null, levelLowerings: 0, decisions: {} });
  });

  test('lists newest first and passes over what it cannot read', async () => {
    const store = new RunStore(folder);
    await unwrap(await store.create(record('old', { startedAt: '2026-01-01T00:00:00.000Z' }))).close();
    await unwrap(await store.create(record('new'))).close();
    await unwrap(await store.create(record('torn'))).close();
    await writeFile(join(folder, 'torn', 'run.json'), '{"schemaVersion":1,');
    await writeFile(join(folder, 'stray-file'), '');
    expect((await store.list()).map((run) => run.id)).toEqual(['new', 'old']);
    const torn = await store.read('torn');
    expect(torn.ok ? null : torn.failure.code).toBe('run-damaged');
  });

  test.each(['..', '../x', 'a/b', '', '/etc'])('takes no id %j for a folder', async (id) => {
    const store = new RunStore(join(folder, 'runs'));
    for (const result of [await store.read(id), await store.delete(id)])
      expect(result.ok ? null : result.failure.code).toBe('run-unknown');
  });

  test('a folder that cannot be written is one clear failure', async () => {
    await writeFile(join(folder, 'file'), '');
    const created = await new RunStore(join(folder, 'file')).create(record('a'));
    expect(created.ok ? null : created.failure.code).toBe('state-unwritable');
  });
});
