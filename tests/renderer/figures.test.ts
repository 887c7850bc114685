import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { APP_IDS } from '../../core/app.ts';
import { attainmentSpark, figuresOf, figuresPerApp, latencySummaries } from '../../renderer/live/figures.ts';
import { rowsIn, rowsMatching } from '../../renderer/live/filter.ts';
import { LiveStore } from '../../renderer/live/live-store.ts';
import type { RequestRow } from '../../renderer/live/request-row.ts';
import { finished, PHONE_ZERO_MS, sent, started, token, wholeRequest } from './build-events.ts';

function rowsOf(...events: Parameters<LiveStore['apply']>[0][]): readonly RequestRow[] {
  const store = new LiveStore();
  for (const some of events) store.apply(some);
  return store.view.rows;
}

const someRequests = fc.array(fc.tuple(fc.constantFrom(...APP_IDS), fc.boolean()), { maxLength: 40 });

describe('figures', () => {
  it('count hits over judged requests, and hits over time', () => {
    const rows = rowsOf(wholeRequest(0, 'a', 'gmail', true), wholeRequest(400, 'b', 'gmail', false), [
      sent(800, 'c', 'gmail'),
    ]);
    expect(figuresOf(rows, 2000)).toMatchObject({
      requests: 3,
      completed: 2,
      open: 1,
      judged: 2,
      attainment: 0.5,
      goodputPerSecond: 0.5,
    });
  });

  it('are unknown, not 0, before anything was judged or any time has passed', () => {
    expect(figuresOf([], 0)).toMatchObject({ attainment: null, goodputPerSecond: null });
    expect(latencySummaries([]).ttft).toMatchObject({ n: 0, mean: null, p99: null });
  });

  it('count a failed request as a miss and leave its latency out', () => {
    const rows = rowsOf([sent(0, 'a', 'gmail'), finished(9, 'a', {}, 'failed')]);
    expect(figuresOf(rows, 1000)).toMatchObject({ failed: 1, judged: 1, attainment: 0 });
    expect(latencySummaries(rows).ttft.n).toBe(0);
  });

  it('of the apps add up to those of all', () => {
    fc.assert(
      fc.property(someRequests, (requests) => {
        const rows = rowsOf(requests.flatMap(([app, met], i) => wholeRequest(i * 400, `r${i}`, app, met)));
        const perApp = [...figuresPerApp(rows, 1000).values()];
        const all = figuresOf(rows, 1000);
        const sum = (pick: (figures: (typeof perApp)[number]) => number): number =>
          perApp.reduce((total, figures) => total + pick(figures), 0);
        expect(sum(({ judged }) => judged)).toBe(all.judged);
        expect(sum(({ attainment, judged }) => (attainment ?? 0) * judged)).toBeCloseTo(
          (all.attainment ?? 0) * all.judged,
        );
        expect(sum(({ goodputPerSecond }) => goodputPerSecond ?? 0)).toBeCloseTo(all.goodputPerSecond ?? 0);
      }),
      { numRuns: 40 },
    );
  });

  it('draw a sparkline of shares that ends with the last requests', () => {
    const rows = rowsOf(
      ...[true, true, false, false].map((met, i) => wholeRequest(i * 400, `r${i}`, 'gmail', met)),
    );
    expect(attainmentSpark(rows)).toEqual([1, 1, 2 / 3, 1 / 2]);
  });
});

describe('the filter', () => {
  const rows = rowsOf(wholeRequest(0, 'a', 'gmail', true), wholeRequest(400, 'b', 'gboard', false), [
    sent(800, 'c', 'gboard'),
    started(801, 'c', 20),
    token(802, 'c', 0, 'hello World'),
  ]);

  it.each([
    ['', ['a', 'b', 'c']],
    ['gboard', ['b', 'c']],
    ['GBOARD miss', ['b']],
    ['hit', ['a']],
    ['running', ['c']],
    ['20%', ['c']],
    ['60% gmail', ['a']],
    ['world', ['c']],
    ['nothing-like-it', []],
  ])('%j shows %j', (filter, ids) => {
    expect(rowsMatching(rows, filter).map(({ id }) => id)).toEqual(ids);
  });

  it('takes the requests that arrived in a time range, both ends included', () => {
    const range = { fromMs: PHONE_ZERO_MS, toMs: PHONE_ZERO_MS + 400 };
    expect(rowsIn(rows, range).map(({ id }) => id)).toEqual(['a', 'b']);
  });
});
