import { describe, expect, it } from 'vitest';
import { GLOSSARY } from '../../renderer/format/glossary.ts';
import {
  formatBytes,
  formatMs,
  formatPerSecond,
  formatRatio,
  formatShare,
  formatSloBrief,
  UNKNOWN,
} from '../../renderer/format/units.ts';
import { missReason, verdictWord } from '../../renderer/format/verdict.ts';
import { LiveStore } from '../../renderer/live/live-store.ts';
import type { RequestRow } from '../../renderer/live/request-row.ts';
import { pushText } from '../../renderer/left/session-progress.tsx';
import { withRatio } from '../../renderer/right/slo-slider.tsx';
import { doctorSummary } from '../../renderer/bottom/status-bar.tsx';
import type { report } from './build-events.ts';
import { finished, sent, started } from './build-events.ts';

/** Narrow no-break spaces, as they are between numbers and units. */
const plain = (text: string | null): string | null => text?.replaceAll('\u202f', ' ') ?? null;

describe('units', () => {
  it.each([
    [0, '0 ms'],
    [0.123, '0.12 ms'],
    [5.634, '5.63 ms'],
    [12.34, '12.3 ms'],
    [999.4, '999 ms'],
    [999.6, '1.00 s'],
    [4120, '4.12 s'],
    [59_999, '1:00 min'],
    [125_000, '2:05 min'],
  ])('%d ms reads %s', (ms, text) => expect(plain(formatMs(ms))).toBe(text));

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [62.7e6, '62.7 MB'],
    [999.9e6, '1.00 GB'],
    [41.2e9, '41.2 GB'],
  ])('%d bytes read %s', (bytes, text) => expect(plain(formatBytes(bytes))).toBe(text));

  it.each([
    [0, '0 %'],
    [0.003, '0.3 %'],
    [0.61, '61 %'],
    [0.997, '99.7 %'],
    [1, '100 %'],
  ])('a share of %d reads %s', (share, text) => expect(plain(formatShare(share))).toBe(text));

  it.each([formatMs, formatBytes, formatShare, formatPerSecond, formatRatio])(
    '%o writes unknown as a dash, never as 0',
    (format) => {
      expect([format(null), format(undefined), format(Number.NaN)]).toEqual([UNKNOWN, UNKNOWN, UNKNOWN]);
    },
  );

  it.each([
    [{ ttft: 0.2, tpot: 0.5 }, '0.2, 0.5'],
    [{ ttftMs: 300 }, '300 ms, –'],
    [null, '–'],
  ])('SLO %j reads %s', (slo, text) => expect(plain(formatSloBrief(slo))).toBe(text));
});

function rowWith(change: Parameters<typeof report>[1], queueMs = 0): RequestRow {
  const store = new LiveStore();
  store.apply([sent(0, 'r', 'gmail'), started(1, 'r', 60, queueMs), finished(9, 'r', change)]);
  const row = store.view.rows[0];
  if (row === undefined) throw new Error('no row');
  return row;
}

describe('the verdict', () => {
  const missed = { ttft: false, tpot: null, met: false };

  it('says by how much and how long of it was waiting', () => {
    const measured = { queueMs: 180, ttftMs: 412, tpotMs: 12, e2elMs: 700 };
    const row = rowWith({ measured, sloHit: missed }, 180);
    expect(plain(missReason(row))).toBe('TTFT 412 ms > 300 ms, 180 ms of it waiting');
    expect(verdictWord(row)).toBe('miss');
  });

  it('leaves waiting out where there was next to none', () => {
    const measured = { queueMs: 2, ttftMs: 412, tpotMs: 12, e2elMs: 700 };
    expect(plain(missReason(rowWith({ measured, sloHit: missed }, 2)))).toBe('TTFT 412 ms > 300 ms');
  });

  it('names every bound that was missed, and that none was predicted', () => {
    const row = rowWith({
      measured: { queueMs: 0, ttftMs: 412, tpotMs: 31, e2elMs: 700 },
      limits: { ttftMs: 300, tpotMs: 25 },
      sloHit: { ttft: false, tpot: false, met: false },
      feasible: false,
    });
    expect(plain(missReason(row))).toBe(
      'TTFT 412 ms > 300 ms; TPOT 31.0 ms > 25.0 ms; no strategy was predicted to meet it',
    );
  });

  it('has nothing to explain for a hit', () => {
    expect(missReason(rowWith({}))).toBeNull();
    expect(verdictWord(rowWith({}))).toBe('hit');
  });
});

describe('words about long work and checks', () => {
  it('tell bytes, rate, time left and what was there', () => {
    const text = pushText({
      phase: 'pushing',
      what: 'weights.bin',
      bytesTotal: 151.3e6,
      bytesDone: 62.7e6,
      filesTotal: 11,
      filesSkipped: 6,
      bytesPerSecond: 78.4e6,
      etaMs: 1130,
    });
    expect(plain(text)).toBe(
      'pushing weights.bin: 62.7 MB of 151 MB, 78.4 MB/s, 1.13 s left; 6 of 11 files were there',
    );
  });

  it.each([
    [[], 'not run yet'],
    [['ok', 'ok', 'skipped'], '2 of 2 ok'],
    [['ok', 'warning'], '1 of 2 with a warning'],
    [['ok', 'warning', 'failed'], '1 of 3 failed'],
  ] as const)('doctor %j reads %s', (statuses, text) => {
    const checks = statuses.map((status) => ({ id: status, title: '', status, text: '', remedy: null }));
    expect(doctorSummary(checks).text).toBe(text);
  });
});

describe('an SLO slider', () => {
  it('changes its own bound only', () => {
    expect(withRatio({ ttft: 0.2, tpot: 0.6 }, 'ttft', 0.5)).toEqual({ ttft: 0.5, tpot: 0.6 });
    expect(withRatio({ ttftMs: 300, tpot: 0.6 }, 'tpot', 0.5)).toEqual({ tpot: 0.5, ttftMs: 300 });
    expect(withRatio({ ttftMs: 300, tpotMs: 20 }, 'ttft', 0.5)).toEqual({ ttft: 0.5, tpotMs: 20 });
  });
});

describe('the glossary', () => {
  it('defines every term in a sentence of its own', () => {
    const definitions = Object.values(GLOSSARY).map(({ definition }) => definition);
    for (const definition of definitions) expect(definition).toMatch(/^.{15,}\.$/);
    expect(new Set(definitions).size).toBe(definitions.length);
  });
});
