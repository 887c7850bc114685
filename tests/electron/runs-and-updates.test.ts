import { mkdtemp, rm, writeFile, appendFile, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { DesktopUpdate } from '../../core/desktop-contract.ts';
import type { DesktopState } from '../../core/desktop-state.ts';
import { unwrap } from '../../core/result.ts';
import { RUN_SCHEMA_VERSION, type LiveEvent, type RunRecord } from '../../core/run-record.ts';
import type { ElasticReport } from '../../core/strategy.ts';
import { traceSpecSchema } from '../../core/trace.ts';
import { readWindowState, writeWindowState } from '../../electron/app/window-state.ts';
import { MAX_BACKLOG_EVENTS, UPDATE_EVERY_MS, UpdateHub } from '../../electron/desktop/update-hub.ts';
import { ProgressMeter } from '../../electron/push/progress-meter.ts';
import { exportCsv } from '../../electron/runs/run-export.ts';
import { RunStore } from '../../electron/runs/run-store.ts';
import { addHeat, summarizeRun, type RunRequest } from '../../electron/runs/run-summary.ts';
import { TraceClock } from '../../electron/runs/trace-clock.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bungee-runs-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function record(id: string, change: Partial<RunRecord> = {}): RunRecord {
  return {
    schemaVersion: RUN_SCHEMA_VERSION,
    id,
    status: 'running',
    failure: null,
    startedAt: '2026-11-22T18:00:00.000Z',
    endedAt: null,
    device: { serial: 'S', kind: 'virtual', model: 'Pixel' },
    model: 'M',
    bundle: { id: 'b', name: 'B', variant: 'int8' },
    trace: traceSpecSchema.parse({}),
    slos: {},
    profile: null,
    push: null,
    environment: {
      phone: 'virtual',
      emulated: false,
      description: 'virtual phone on this CPU (x64, 2 cores, "Some, CPU")',
      cpu: 'c',
      cores: 2,
      hostNode: 'v20',
      platform: 'linux x64',
      agentNode: null,
      agentPlatform: null,
      onnxruntime: null,
      runtimePack: null,
      provider: null,
      providerProof: [],
      threads: null,
      thermal: false,
      guardCorrection: true,
      bungee: '0',
    },
    summary: null,
    ...change,
  };
}
const QUIET = { switches: 0, lowerings: 0, heat: null };
const note = (text: string): LiveEvent => ({ kind: 'note', hostAtMs: 1, severity: 'info', text });

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

describe('the summary', () => {
  const report = (ttftMs: number, met: boolean | null, level = 50): ElasticReport => ({
    strategy: { promptLevel: 1, modelLevel: level as 50 },
    decidedBy: 'profile',
    feasible: true,
    slo: null,
    limits: null,
    reference: null,
    predicted: null,
    promptTokens: 64,
    keptTokens: 64,
    tlm: null,
    correction: { ttft: 1, tpot: 1 },
    requestId: 'r',
    app: 'gmail',
    measured: { queueMs: 1, ttftMs, tpotMs: 2, e2elMs: 10 },
    sloHit: { ttft: met, tpot: null, met },
  });
  const request = (change: Partial<RunRequest>): RunRequest => ({
    requestId: 'r',
    app: 'gmail',
    hasSlo: true,
    outcome: 'completed',
    report: report(5, true),
    tokenAtMs: [],
    ...change,
  });

  test('judges completed and failed requests, and neither cut-off nor cancelled ones', () => {
    const summary = summarizeRun(
      [
        request({ tokenAtMs: [0, 4, 10] }),
        request({ report: report(9, false, 20) }),
        request({ outcome: 'failed', report: null }),
        request({ outcome: 'cut-off', report: null, tokenAtMs: [0, 99] }),
        request({ app: 'rewind', hasSlo: false, report: report(7, null) }),
      ],
      2000,
      { switches: 3, lowerings: 1, heat: null },
    );
    expect(summary.requests).toEqual({ sent: 5, completed: 3, failed: 1, cutOff: 1 });
    expect(summary.sloAttainment).toBeCloseTo(1 / 3);
    expect(summary.goodputPerSecond).toBeCloseTo(0.5);
    expect(summary.ttftMs).toMatchObject({ n: 3, min: 5, max: 9 });
    expect(summary.itlMs).toMatchObject({ n: 2, mean: 5 });
    expect(summary.levelsUsed).toEqual({ '50': 2, '20': 1 });
    expect(Object.keys(summary.perApp).sort()).toEqual(['gmail', 'rewind']);
    expect(summary.perApp.rewind?.sloAttainment).toBeNull();
    expect(summary).toMatchObject({ levelSwitches: 3, levelLowerings: 1, decisions: { profile: 3 } });
  });

  test('a miss that only the queue made is a hit for the service; the rest of a miss is one for both', () => {
    const waited = (queueMs: number, ttftMs: number, tpotMs: number): RunRequest =>
      request({
        report: {
          ...report(ttftMs, ttftMs <= 50 && tpotMs <= 10),
          limits: { ttftMs: 50, tpotMs: 10 },
          measured: { queueMs, ttftMs, tpotMs, e2elMs: 900 },
        },
      });
    const summary = summarizeRun(
      [waited(1, 40, 5), waited(30, 70, 5), waited(1, 70, 5), waited(30, 70, 11)],
      1000,
      QUIET,
    );
    expect(summary).toMatchObject({ sloAttainment: 1 / 4, serviceAttainment: 2 / 4 });
    expect(summary.perApp.gmail?.serviceAttainment).toBe(1 / 2);
    expect(summary.serviceTtftMs).toMatchObject({ n: 4, min: 39, max: 69 });
  });

  test('tells what share of the prompts was kept and of the TTFT went to the TLM', () => {
    const compressed = (keptTokens: number, tlmMs: number | null): RunRequest =>
      request({
        report: {
          ...report(21, true),
          reference: { ttftMs: 100, tpotMs: 9 },
          promptTokens: 200,
          keptTokens,
          tlm: tlmMs === null ? null : { proposed: { promptLevel: 0.5, modelLevel: 50 }, ms: tlmMs },
          decidedBy: tlmMs === null ? 'no-slo' : 'tlm',
        },
      });
    const summary = summarizeRun([compressed(100, 2), compressed(200, null)], 1000, QUIET);
    expect(summary).toMatchObject({ promptShareKept: 0.75, tlmShareOfTtft: 0.1, tlmShareOfFullTtft: 0.02 });
    expect(summary.decisions).toEqual({ tlm: 1, 'no-slo': 1 });
  });

  test('tells how hot the phone became and how far it slowed itself, as far as it says so', () => {
    const sample = (skinC: number | null, thermalStatus: number | null, cpuCoolingState: number | null) => ({
      ...{ temperatureC: 60, batteryPercent: 50, batteryC: 30, charging: false, batteryHeld: false },
      ...{ coreKhz: null, availableBytes: null },
      ...{ skinC, thermalStatus, cpuCoolingState },
    });
    const samples = [sample(31, 0, 0), sample(44, 2, 4), sample(null, 3, 9), sample(41, null, null)];
    expect(samples.reduce(addHeat, null)).toEqual({
      startC: 31,
      endC: 41,
      maxC: 44,
      maxStatus: 2,
      maxCpuCoolingState: 4,
    });
    expect(addHeat(null, sample(null, 1, 1))).toBeNull();
  });

  test('an empty run has no figures, not zeros', () => {
    const summary = summarizeRun([], 0, QUIET);
    expect(summary).toMatchObject({
      sloAttainment: null,
      serviceAttainment: null,
      goodputPerSecond: 0,
      perApp: {},
    });
    expect(summary).toMatchObject({ promptShareKept: null, tlmShareOfTtft: null, decisions: {} });
    expect(summary.ttftMs).toMatchObject({ n: 0, mean: null, p50: null });
  });
});

test('the CSV says where the figures come from, and no text in it becomes a formula', () => {
  const events: LiveEvent[] = [
    { kind: 'sent', hostAtMs: 0, requestId: 'r1', app: 'gmail', promptIndex: 0, slo: null },
    { kind: 'sent', hostAtMs: 0, requestId: 'r2', app: 'gmail', promptIndex: 1, slo: null },
    { kind: 'client-failed', hostAtMs: 1, requestId: 'r1', app: 'gmail', failure: '=cmd|"x", and more' },
  ];
  const { text, fileName } = exportCsv(record('a'), events);
  expect(fileName).toBe('bungee-a.csv');
  const lines = text.split('\r\n');
  expect(lines.filter((line) => line.startsWith('#')).join('\n')).toContain('VIRTUAL PHONE');
  const [header = '', r1 = '', r2 = ''] = lines.filter((line) => !line.startsWith('#'));
  expect(header).toContain('ttft_ms');
  expect(r1).toContain(`"'=cmd|""x"", and more"`);
  expect(r2.split(',')[3]).toBe('cut-off');
  expect(r2.split(',')).toHaveLength(header.split(',').length);
});

test('the CSV of an emulated phone names no processor as the source of its figures', () => {
  const { environment } = record('a');
  const { text } = exportCsv(record('a', { environment: { ...environment, emulated: true } }), []);
  expect(text).toContain('EMULATED ARM64, figures of no processor');
  expect(text).not.toContain('figures of this CPU');
});

test('the trace clock never jumps when the speed changes', () => {
  const step = fc.record({
    waitMs: fc.integer({ min: 0, max: 1000 }),
    speed: fc.double({ min: 0.01, max: 100, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const clock = new TraceClock(0);
      let realMs = 0;
      let expected = 0;
      let speed = 1;
      for (const change of steps) {
        realMs += change.waitMs;
        expected += change.waitMs * speed;
        expect(clock.now(realMs)).toBeCloseTo(expected, 3);
        speed = change.speed;
        clock.setSpeed(speed, realMs);
        const ahead = clock.realDelayUntil(expected + 100, realMs);
        expect(clock.now(realMs + ahead)).toBeCloseTo(expected + 100, 3);
      }
    }),
  );
});

describe('updates', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const open = (accept: () => boolean = () => true) => {
    let version = 0;
    const hub = new UpdateHub(() => ({ version: String(++version) }) as DesktopState);
    const got: DesktopUpdate[] = [];
    const subscription = hub.subscribe((update) => {
      got.push(update);
      return accept();
    });
    return { hub, got, subscription };
  };

  test('the first carries the whole state at once; then at most one comes per interval', () => {
    const { hub, got } = open();
    expect(got).toMatchObject([{ state: { version: '1' }, live: [] }]);
    for (let i = 0; i < 100; i++) {
      hub.live(note(`n${i}`));
      if (i % 10 === 0) hub.stateChanged();
    }
    vi.advanceTimersByTime(UPDATE_EVERY_MS);
    expect(got).toHaveLength(2);
    expect(got[1]?.live).toHaveLength(100);
    expect(got[1]?.state?.version).toBe('2');
    for (let ms = 0; ms < 1000; ms += 5) {
      hub.live(note('x'));
      vi.advanceTimersByTime(5);
    }
    expect(got.length - 2).toBeLessThanOrEqual(1000 / UPDATE_EVERY_MS + 1);
  });

  test('nothing to say costs no timer and no update', () => {
    const { got } = open();
    vi.advanceTimersByTime(10_000);
    expect(got).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a slow window loses the oldest events, counted, and gets the newest state', () => {
    let isOpen = false;
    const { hub, got, subscription } = open(() => isOpen);
    const sent = MAX_BACKLOG_EVENTS + 5000;
    for (let i = 0; i < sent; i++) hub.live(note(String(i)));
    hub.stateChanged();
    vi.advanceTimersByTime(1000);
    expect(got).toHaveLength(1);
    isOpen = true;
    subscription.ready();
    vi.advanceTimersByTime(UPDATE_EVERY_MS);
    expect(got).toHaveLength(2);
    const update = got[1];
    expect(update?.live.length).toBeLessThanOrEqual(MAX_BACKLOG_EVENTS);
    expect((update?.live.length ?? 0) + (update?.dropped ?? 0)).toBe(sent);
    expect(update?.live.at(-1)).toEqual(note(String(sent - 1)));
    expect(update?.state).toBeDefined();
  });

  test('no update after unsubscribing', () => {
    const { hub, got, subscription } = open();
    hub.live(note('x'));
    subscription.unsubscribe();
    vi.advanceTimersByTime(1000);
    expect(got).toHaveLength(1);
  });
});

test('push progress is throttled, never runs backwards, and its rate is that of the last seconds', () => {
  let now = 0;
  const seen: { bytesDone: number; bytesPerSecond: number | null; etaMs: number | null }[] = [];
  const meter = new ProgressMeter(
    'x',
    (progress) => seen.push(progress),
    () => now,
  );
  meter.phase('pushing', { bytesTotal: 2_000_000 });
  for (let bytes = 0; bytes <= 2_000_000; bytes += 1000) {
    now += bytes < 1_000_000 ? 10 : 1;
    meter.bytes(bytes);
  }
  expect(seen.length).toBeLessThan(115);
  expect(seen.map((p) => p.bytesDone)).toEqual(seen.map((p) => p.bytesDone).sort((a, b) => a - b));
  const slow = seen.find((p) => p.bytesDone > 900_000);
  expect(slow?.bytesPerSecond).toBeCloseTo(100_000, -4);
  expect(slow?.etaMs ?? 0).toBeGreaterThan(9000);
  expect(seen.at(-1)?.bytesPerSecond ?? 0).toBeGreaterThan(300_000);
});

describe('the window’s place', () => {
  const screen = { x: 0, y: 0, width: 1920, height: 1080 };
  test('is kept while it is on a screen, else the defaults hold', () => {
    const file = join(folder, 'deep', 'window.json');
    expect(readWindowState(file, [screen])).toEqual({ width: 1280, height: 800, maximized: false });
    writeWindowState(file, { x: 100, y: 50, width: 1000, height: 700 }, true);
    expect(readWindowState(file, [screen])).toEqual({
      x: 100,
      y: 50,
      width: 1000,
      height: 700,
      maximized: true,
    });
    expect(readWindowState(file, [{ ...screen, x: 5000 }])).toEqual({
      width: 1000,
      height: 700,
      maximized: true,
    });
  });
  test.each(['', 'null', '{"width":1e9}', '{"width":"x"}'])(
    'a damaged file (%j) gives the defaults',
    async (text) => {
      const file = join(folder, 'window.json');
      await writeFile(file, text);
      expect(readWindowState(file, [screen])).toEqual({ width: 1280, height: 800, maximized: false });
    },
  );
});
