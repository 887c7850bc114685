import type { RequestRow } from './request-row.ts';

/** Part of the shared time axis; host clock, ms since the epoch. */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Requests that arrived in a range, both ends included; `rows` ascend in `atMs`. */
export function rowsIn(rows: readonly RequestRow[], range: TimeRange): readonly RequestRow[] {
  return rows.filter((row) => row.atMs >= range.fromMs && row.atMs <= range.toMs);
}

/** Words of a filter that mean a state; anything else is looked for in app, id, text and failure. */
const STATE_WORDS: Readonly<Record<string, (row: RequestRow) => boolean>> = {
  hit: (row) => row.hit === true,
  miss: (row) => row.hit === false,
  failed: (row) => row.state === 'failed',
  running: (row) => row.state === 'running',
  tlm: (row) => row.decision?.decidedBy === 'tlm',
  guard: (row) => row.decision?.decidedBy === 'guard',
  infeasible: (row) => row.decision?.decidedBy === 'nothing-feasible',
  lowered: (row) => row.lowerings.length > 0,
  queued: (row) => row.state === 'queued' || row.state === 'sent',
};

function matchesWord(row: RequestRow, word: string): boolean {
  const state = STATE_WORDS[word];
  if (state !== undefined) return state(row);
  const level = /^(\d{2,3})%$/.exec(word)?.[1];
  if (level !== undefined) return row.decision?.strategy.modelLevel === Number(level);
  return [row.label, row.id, row.text, row.failure ?? ''].some((text) => text.toLowerCase().includes(word));
}

/** Rows that match every word, e.g. `gboard miss 40%`; an empty filter matches all. */
export function rowsMatching(rows: readonly RequestRow[], filter: string): readonly RequestRow[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return words.length === 0 ? rows : rows.filter((row) => words.every((word) => matchesWord(row, word)));
}
