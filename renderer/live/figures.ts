import { APP_IDS, type AppId } from '../../core/app.ts';
import { goodputPerSecond, sloAttainment, sloHit, type JudgedRequest } from '../../core/metrics.ts';
import { summarize, type Summary } from '../../core/statistics.ts';
import { isOpen, type RequestRow } from './request-row.ts';

/** Judged requests that one point of the attainment sparkline looks back on. */
const SPARK_WINDOW = 8;
const SPARK_POINTS = 24;

/** Figures of some requests over a time; every metric as core/metrics.ts defines it. */
export interface Figures {
  readonly requests: number;
  readonly completed: number;
  readonly failed: number;
  readonly cutOff: number;
  readonly open: number;
  readonly judged: number;
  readonly attainment: number | null;
  /** null before any time has passed. */
  readonly goodputPerSecond: number | null;
}

export interface AppFigures extends Figures {
  /** Rolling SLO attainment, oldest first, 0..1. */
  readonly spark: readonly number[];
}

function asJudged(row: RequestRow): JudgedRequest | null {
  const { state } = row;
  if (state === 'sent' || state === 'queued' || state === 'running') return null;
  return { outcome: state, hasSlo: row.slo !== null, met: row.report?.sloHit.met ?? null };
}

/** @param durationMs time over which the requests arrived. */
export function figuresOf(rows: readonly RequestRow[], durationMs: number): Figures {
  const ended = rows.map(asJudged).filter((row): row is JudgedRequest => row !== null);
  const count = (state: RequestRow['state']): number => rows.filter((row) => row.state === state).length;
  return {
    requests: rows.length,
    completed: count('completed'),
    failed: count('failed'),
    cutOff: count('cut-off') + count('cancelled'),
    open: rows.filter(isOpen).length,
    judged: ended.filter((row) => sloHit(row) !== null).length,
    attainment: sloAttainment(ended),
    goodputPerSecond: durationMs <= 0 ? null : goodputPerSecond(ended, durationMs),
  };
}

/** SLO attainment over the last few judged requests, one point per judged request. */
export function attainmentSpark(rows: readonly RequestRow[]): number[] {
  const judged: JudgedRequest[] = [];
  for (let i = rows.length - 1; i >= 0 && judged.length < SPARK_POINTS + SPARK_WINDOW; i -= 1) {
    const row = rows[i];
    const one = row === undefined || row.hit === null ? null : asJudged(row);
    if (one !== null) judged.unshift(one);
  }
  return judged
    .map((_, end) => sloAttainment(judged.slice(Math.max(0, end + 1 - SPARK_WINDOW), end + 1)) ?? 0)
    .slice(-SPARK_POINTS);
}

export function figuresPerApp(
  rows: readonly RequestRow[],
  durationMs: number,
): ReadonlyMap<AppId, AppFigures> {
  const byApp = new Map<AppId, RequestRow[]>(APP_IDS.map((id) => [id, []]));
  for (const row of rows) if (row.app !== null) byApp.get(row.app)?.push(row);
  return new Map(
    [...byApp].map(([id, own]) => [id, { ...figuresOf(own, durationMs), spark: attainmentSpark(own) }]),
  );
}

/** TTFT and TPOT of finished requests, ms. */
export function latencySummaries(rows: readonly RequestRow[]): { ttft: Summary; tpot: Summary } {
  const finished = rows.filter((row) => row.state === 'completed');
  return {
    ttft: summarize(finished.map((row) => row.ttftMs)),
    tpot: summarize(finished.map((row) => row.tpotMs)),
  };
}
