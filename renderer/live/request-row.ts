import type { AgentEvent } from '../../core/agent-event.ts';
import { appById, appIdSchema, type AppId } from '../../core/app.ts';
import { itlMs, sloHit, tpotMs, ttftMs, type RequestOutcome } from '../../core/metrics.ts';
import type { Level } from '../../core/level.ts';
import type { LiveEvent } from '../../core/run-record.ts';
import type { Slo } from '../../core/slo.ts';
import { summarize, type Summary } from '../../core/statistics.ts';
import type { Decision, ElasticReport, StrategyCell } from '../../core/strategy.ts';

export type RequestState = 'sent' | 'queued' | 'running' | RequestOutcome;

/** Longest generated text kept per request, characters. */
export const MAX_TEXT_CHARS = 20_000;

/** A word of a compressed prompt; `score` is null where it is always kept. */
export type PromptWord = Extract<AgentEvent, { type: 'prompt-compressed' }>['words'][number];

/** The guard lowered the level inside of a request, because TPOT ran over its bound. */
export interface Lowering {
  /** Phone clock, ms. */
  readonly atMs: number;
  readonly from: Level;
  readonly to: Level;
  /** Tokens that were there by then. */
  readonly afterTokens: number;
}

/** One request as the window shows it; immutable, a new row per event that concerns it. */
export interface RequestRow {
  readonly id: string;
  /** null = a client of its own, none of the six apps. */
  readonly app: AppId | null;
  readonly label: string;
  readonly slo: Slo | null;
  readonly state: RequestState;
  /** First sign of the request on the host clock, ms since the epoch: where it stands in charts. */
  readonly atMs: number;
  /** Arrival at the agent, phone clock, ms; null until the agent said so. */
  readonly arrivedAtMs: number | null;
  readonly promptTokens: number | null;
  readonly decision: Decision | null;
  /** All strategies that could have been taken; null = the agent did not say, or `detailsDropped`. */
  readonly grid: readonly StrategyCell[] | null;
  /** The prompt word by word where something was left out of it; null as `grid`. */
  readonly words: readonly PromptWord[] | null;
  /** Grid and words were let go to bound memory. */
  readonly detailsDropped: boolean;
  /** In order. */
  readonly lowerings: readonly Lowering[];
  readonly report: ElasticReport | null;
  readonly queueMs: number | null;
  readonly ttftMs: number | null;
  readonly tpotMs: number | null;
  readonly e2elMs: number | null;
  readonly tokens: number;
  /** Phone clock of each token while it streams; emptied once the agent has reported. */
  readonly tokenAtMs: readonly number[];
  readonly itl: Summary | null;
  readonly text: string;
  readonly finishReason: string | null;
  readonly failure: string | null;
  /** true hit, false miss, null not judged (yet); `sloHit` of core/metrics.ts. */
  readonly hit: boolean | null;
  /** The run of this desktop sent it, so its end is the run's business. */
  readonly ofRun: boolean;
}

function emptyRow(id: string, atMs: number): RequestRow {
  return {
    id,
    app: null,
    label: 'client',
    slo: null,
    state: 'sent',
    atMs,
    arrivedAtMs: null,
    promptTokens: null,
    decision: null,
    grid: null,
    words: null,
    detailsDropped: false,
    lowerings: [],
    report: null,
    queueMs: null,
    ttftMs: null,
    tpotMs: null,
    e2elMs: null,
    tokens: 0,
    tokenAtMs: [],
    itl: null,
    text: '',
    finishReason: null,
    failure: null,
    hit: null,
    ofRun: false,
  };
}

function named(row: RequestRow, app: string | null): RequestRow {
  if (app === null) return row;
  const known = appIdSchema.safeParse(app);
  return known.success
    ? { ...row, app: known.data, label: appById(known.data).name }
    : { ...row, app: null, label: app };
}

const OPEN_STATES: readonly RequestState[] = ['sent', 'queued', 'running'];

/** Still waiting or being answered. */
export function isOpen(row: Pick<RequestRow, 'state'>): boolean {
  return OPEN_STATES.includes(row.state);
}

function judged(row: RequestRow): RequestRow {
  const { state } = row;
  if (state === 'sent' || state === 'queued' || state === 'running') return row;
  return {
    ...row,
    hit: sloHit({ outcome: state, hasSlo: row.slo !== null, met: row.report?.sloHit.met ?? null }),
  };
}

/** The request that an event is about; null = none. */
export function requestIdOf(event: LiveEvent): string | null {
  if (event.kind === 'sent' || event.kind === 'client-failed') return event.requestId;
  if (event.kind !== 'agent') return null;
  switch (event.event.type) {
    case 'request-queued':
    case 'request-started':
    case 'prompt-compressed':
    case 'token':
    case 'request-finished':
      return event.event.requestId;
    case 'level-switched':
      return event.event.reason === 'tpot-drift' ? event.event.requestId : null;
    default:
      return null;
  }
}

/**
 * The row after an event that concerns it. Events may come in any order and twice, and the first ones may
 * be missing: a window opens in the middle of a run.
 */
export function reduceRequest(before: RequestRow | undefined, event: LiveEvent): RequestRow | undefined {
  const id = requestIdOf(event);
  if (id === null) return before;
  const row = before ?? emptyRow(id, event.hostAtMs);
  if (event.kind === 'sent') return { ...named(row, event.app), slo: row.slo ?? event.slo, ofRun: true };
  if (event.kind === 'client-failed')
    return isOpen(row) || row.state === 'cut-off'
      ? judged({ ...named(row, event.app), state: 'failed', failure: event.failure })
      : row;
  return event.kind === 'agent' ? reduceAgentEvent(row, event.event) : row;
}

type AgentPart = Extract<LiveEvent, { kind: 'agent' }>['event'];

function reduceAgentEvent(row: RequestRow, event: AgentPart): RequestRow {
  switch (event.type) {
    case 'request-queued':
      return {
        ...named(row, event.app),
        slo: event.slo ?? row.slo,
        state: row.state === 'sent' ? 'queued' : row.state,
        arrivedAtMs: event.atMs,
        promptTokens: event.promptTokens,
      };
    case 'request-started':
      return {
        ...row,
        slo: event.decision.slo ?? row.slo,
        state: isOpen(row) ? 'running' : row.state,
        decision: row.report ?? event.decision,
        grid: event.grid,
        queueMs: row.report?.measured.queueMs ?? event.queueMs,
      };
    case 'prompt-compressed':
      return { ...row, words: event.words };
    case 'level-switched': {
      const { atMs, from, to } = event;
      if (row.lowerings.some((known) => known.atMs === atMs && known.to === to)) return row;
      const lowering: Lowering = { atMs, from, to, afterTokens: row.tokens };
      return { ...row, lowerings: [...row.lowerings, lowering] };
    }
    case 'token': {
      if (!isOpen(row) || event.index < row.tokens) return row;
      const tokenAtMs = [...row.tokenAtMs, event.atMs];
      const times = row.arrivedAtMs === null ? null : { arrivedAtMs: row.arrivedAtMs, tokenAtMs };
      return {
        ...row,
        state: 'running',
        tokens: event.index + 1,
        tokenAtMs,
        ttftMs: times === null ? null : ttftMs(times),
        tpotMs: times === null ? null : tpotMs(times),
        text: row.text.length < MAX_TEXT_CHARS ? row.text + event.text : row.text,
      };
    }
    case 'request-finished': {
      const { report } = event;
      const gaps =
        row.tokenAtMs.length < 2
          ? row.itl
          : summarize(itlMs({ arrivedAtMs: row.arrivedAtMs ?? 0, tokenAtMs: row.tokenAtMs }));
      return judged({
        ...named(row, report?.app ?? null),
        slo: report?.slo ?? row.slo,
        state: event.outcome,
        decision: report ?? row.decision,
        report,
        queueMs: report?.measured.queueMs ?? row.queueMs,
        ttftMs: report === null ? row.ttftMs : report.measured.ttftMs,
        tpotMs: report === null ? row.tpotMs : report.measured.tpotMs,
        e2elMs: report?.measured.e2elMs ?? null,
        tokens: event.usage?.completion_tokens ?? row.tokens,
        promptTokens: event.usage?.prompt_tokens ?? row.promptTokens,
        tokenAtMs: [],
        itl: gaps,
        finishReason: event.finishReason,
        failure: event.failure,
      });
    }
    default:
      return row;
  }
}

/** The row once its run has ended without it: cut off, so not judged. */
export function cutOff(row: RequestRow): RequestRow {
  return isOpen(row) && row.ofRun ? judged({ ...row, state: 'cut-off', tokenAtMs: [] }) : row;
}

/** Words and strategies that a row holds: what its details weigh. */
export function detailItems(row: RequestRow | undefined): number {
  return (row?.grid?.length ?? 0) + (row?.words?.length ?? 0);
}

/** The row without grid and words. */
export function withoutDetails(row: RequestRow): RequestRow {
  return { ...row, grid: null, words: null, detailsDropped: true };
}
