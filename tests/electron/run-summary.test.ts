import { describe, expect, test } from 'vitest';
import type { ElasticReport } from '../../core/strategy.ts';
import { addHeat, summarizeRun, type RunRequest } from '../../electron/runs/run-summary.ts';

const QUIET = { switches: 0, lowerings: 0, heat: null };

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
