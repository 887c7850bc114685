import { describe, expect, it } from 'vitest';
import { agentEventSchema } from '../../core/agent-event.ts';
import { interventionPoints } from '../../renderer/charts/intervention-marks.ts';
import { decisionFigures } from '../../renderer/live/decision-figures.ts';
import { rowsMatching } from '../../renderer/live/filter.ts';
import { LiveStore } from '../../renderer/live/live-store.ts';
import type { LiveView } from '../../renderer/live/live-view.ts';
import type { RequestRow } from '../../renderer/live/request-row.ts';
import {
  advised,
  agentEvent,
  compressed,
  finished,
  GRID,
  lowered,
  PHONE_ZERO_MS,
  queued,
  report,
  started,
  token,
} from './build-events.ts';

type Events = Parameters<LiveStore['apply']>[0];

function viewOf(events: Events, maxDetailItems?: number): LiveView {
  const store = new LiveStore(undefined, maxDetailItems);
  store.apply(events);
  return store.view;
}

function rowOf(events: Events): RequestRow {
  const row = viewOf(events).rows[0];
  if (row === undefined) throw new Error('no row');
  return row;
}

describe('a request with a TLM', () => {
  it('keeps the grid, the words and what the TLM proposed until its end', () => {
    const row = rowOf([queued(0, 'a'), advised(1, 'a'), compressed(2, 'a'), token(9, 'a', 0)]);
    expect(row.grid).toEqual(GRID);
    expect(row.words?.map(({ text, kept }) => [text, kept])).toEqual([
      [' word0', false],
      [' word1', true],
      [' word2', false],
      [' word3', true],
    ]);
    expect(row.decision).toMatchObject({ keptTokens: 32, promptTokens: 64, tlm: { ms: 5 } });
  });

  it('still has them when the agent has reported', () => {
    const row = rowOf([advised(1, 'a'), compressed(2, 'a'), finished(30, 'a')]);
    expect([row.grid?.length, row.words?.length]).toEqual([4, 4]);
  });

  it('knows where inside of it the level was lowered, once however often it is told', () => {
    const drop = lowered(20, 'a', 60, 40);
    const row = rowOf([advised(1, 'a'), token(9, 'a', 0), token(19, 'a', 1), drop, drop]);
    expect(row.lowerings).toEqual([{ atMs: 20, from: 60, to: 40, afterTokens: 2 }]);
  });

  it('is not said to be lowered by a switch that its own strategy asked for', () => {
    const change = agentEvent(0, {
      type: 'level-switched',
      from: 100,
      to: 60,
      requestId: 'a',
      switchMs: 0.1,
      reason: 'strategy',
    });
    expect(rowOf([change, advised(1, 'a')]).lowerings).toEqual([]);
  });

  it('opens from a run that was recorded before there was a TLM', () => {
    const { promptTokens: _p, keptTokens: _k, tlm: _t, correction: _c, ...old } = report('a');
    const event = agentEventSchema.parse({
      seq: 0,
      atMs: 1,
      type: 'request-started',
      requestId: 'a',
      decision: old,
      queueMs: 0,
    });
    const row = rowOf([{ kind: 'agent', hostAtMs: PHONE_ZERO_MS, event }]);
    expect(row).toMatchObject({ grid: null, words: null, detailsDropped: false });
    expect(row.decision).toMatchObject({ tlm: null, correction: { ttft: 1, tpot: 1 } });
    expect(decisionFigures([row])).toMatchObject({ decided: 1, asked: 0, keptShare: null });
  });
});

describe('details of requests', () => {
  const events = Array.from({ length: 10 }, (_, i) => [
    advised(i * 10, `r${i}`),
    compressed(i * 10 + 1, `r${i}`, 6),
  ]).flat();

  it('are let go oldest first when there are too many of them, the rest of the row stays', () => {
    const { rows } = viewOf(events, 30);
    expect(rows.map(({ grid }) => grid !== null)).toEqual([
      ...Array<boolean>(7).fill(false),
      true,
      true,
      true,
    ]);
    expect(rows[0]).toMatchObject({ words: null, detailsDropped: true, decision: { keptTokens: 32 } });
    expect(rows.at(-1)).toMatchObject({ detailsDropped: false });
  });

  it('of the newest request stay, however long its prompt is', () => {
    const { rows } = viewOf([...events, advised(200, 'long'), compressed(201, 'long', 500)], 30);
    expect(rows.at(-1)?.words).toHaveLength(500);
    expect(rows.filter(({ grid }) => grid !== null)).toHaveLength(1);
  });

  it('count no more once their request has left', () => {
    const store = new LiveStore(3, 30);
    store.apply(events);
    store.apply(events.map((event) => ({ ...event, hostAtMs: event.hostAtMs + 1000 })));
    expect(store.view.rows.every(({ grid }) => grid !== null)).toBe(true);
  });
});

describe('figures of decisions', () => {
  const rows = viewOf([
    advised(0, 'tlm', { correction: { ttft: 1.5, tpot: 1 } }),
    finished(90, 'tlm', {
      ...report('tlm'),
      decidedBy: 'tlm',
      tlm: { proposed: { promptLevel: 0.5, modelLevel: 60 }, ms: 6 },
      keptTokens: 32,
      measured: { queueMs: 40, ttftMs: 160, tpotMs: 12, e2elMs: 300 },
    }),
    advised(100, 'guard', { decidedBy: 'guard', keptTokens: 64, correction: { ttft: 1.2, tpot: 1 } }),
    lowered(150, 'guard'),
    advised(200, 'none', { decidedBy: 'nothing-feasible', keptTokens: 16 }),
    started(300, 'plain'),
  ]).rows;

  it('are shares of all decided requests', () => {
    expect(decisionFigures(rows)).toMatchObject({
      decided: 4,
      tlmShare: 0.25,
      guardShare: 0.25,
      nothingFeasibleShare: 0.25,
      asked: 3,
      lowered: 1,
    });
  });

  it('tell what of prompts was kept where the TLM had a say, and its time without the waiting', () => {
    const { keptShare, tlmShareOfTtft } = decisionFigures(rows);
    expect(keptShare).toBeCloseTo((0.5 + 1 + 0.25) / 3);
    expect(tlmShareOfTtft).toBeCloseTo(6 / 120);
  });

  it('tell how far the phone is from its profile by the newest decision', () => {
    expect(decisionFigures(rows.slice(0, 2)).correction).toEqual({ ttft: 1.2, tpot: 1 });
  });

  it('are unknown, not 0, while nothing is decided', () => {
    expect(decisionFigures(viewOf([queued(0, 'a')]).rows)).toEqual({
      decided: 0,
      tlmShare: null,
      guardShare: null,
      nothingFeasibleShare: null,
      asked: 0,
      keptShare: null,
      tlmShareOfTtft: null,
      lowered: 0,
      correction: null,
    });
  });

  it.each([
    ['tlm', ['tlm']],
    ['guard', ['guard']],
    ['lowered', ['guard']],
    ['infeasible', ['none']],
  ])('the filter finds %s', (word, ids) => {
    expect(rowsMatching(rows, word).map(({ id }) => id)).toEqual(ids);
  });
});

it('interventions stand on the time axis where they happened', () => {
  const { rows, switches } = viewOf([
    advised(0, 'early', { decidedBy: 'guard' }),
    advised(100, 'guard', { decidedBy: 'guard' }),
    lowered(150, 'guard'),
    advised(200, 'tlm'),
    advised(300, 'none', { decidedBy: 'nothing-feasible' }),
  ]);
  const range = { fromMs: PHONE_ZERO_MS + 50, toMs: PHONE_ZERO_MS + 400 };
  expect(
    interventionPoints(rows, switches, range).map(({ atMs, kind }) => [atMs - PHONE_ZERO_MS, kind]),
  ).toEqual([
    [100, 'guard'],
    [300, 'nothing-feasible'],
    [150, 'lowered'],
  ]);
});
