import type { Decision, DecidedBy, LatencyCorrection, Strategy, StrategyCell } from '../../core/strategy.ts';
import { formatMs, formatRatio, formatShare, UNKNOWN } from './units.ts';

export const DECIDED_BY_WORDS: Readonly<Record<DecidedBy, string>> = {
  tlm: 'as the TLM proposed, feasible on this phone',
  guard: 'the guard took the feasible strategy of the best measured quality',
  profile: 'no TLM: the largest level that this phone’s profile calls feasible',
  pinned: 'the level is pinned',
  request: 'the request asked for it',
  'no-slo': 'no SLO, so the largest level',
  'no-profile': 'no profile yet, so the level that the SLO’s ratio names',
  'nothing-feasible': 'nothing is predicted to keep the SLO, so the lightest strategy',
};

/** `p 40 % × m 60 %`. */
export function strategyText({ promptLevel, modelLevel }: Strategy): string {
  return `p ${formatShare(promptLevel)} × m ${formatShare(modelLevel / 100)}`;
}

export function isSameStrategy(a: Strategy, b: Strategy): boolean {
  return a.modelLevel === b.modelLevel && Math.abs(a.promptLevel - b.promptLevel) < 1e-6;
}

/** The proposal that was not taken; null where there was none or it was. */
export function overruledProposal(decision: Decision | null): Strategy | null {
  const proposed = decision?.tlm?.proposed ?? null;
  return decision === null || proposed === null || isSameStrategy(proposed, decision.strategy)
    ? null
    : proposed;
}

/** What was decided, by whom and instead of what, in one line. */
export function decisionText(decision: Decision): string {
  const overruled = overruledProposal(decision);
  const instead = overruled === null ? '' : ` The TLM proposed ${strategyText(overruled)}.`;
  return `${strategyText(decision.strategy)}: ${DECIDED_BY_WORDS[decision.decidedBy]}.${instead}`;
}

/** `96 of 254 tokens kept, 38 %`; null where it is not known. */
export function keptText({ promptTokens, keptTokens }: Decision): string | null {
  if (promptTokens === 0) return null;
  return keptTokens >= promptTokens
    ? `kept whole, ${promptTokens} tokens`
    : `${keptTokens} of ${promptTokens} tokens kept, ${formatShare(keptTokens / promptTokens)}`;
}

/** Differences below this are noise of the measurement. */
const SAME_SPEED = 0.02;

/** Whole per cent: more digits than that mean nothing here. */
function wholePercent(share: number): string {
  return `${Math.round(share * 100)}\u202f%`;
}

function driftText(factor: number): string | null {
  if (Math.abs(factor - 1) < SAME_SPEED) return null;
  return factor > 1 ? `${wholePercent(factor - 1)} slower` : `${wholePercent(1 - factor)} faster`;
}

/** `TTFT 18 % slower than profiled, TPOT 9 % slower`. */
export function correctionText({ ttft, tpot }: LatencyCorrection): string {
  const [first, second] = [driftText(ttft), driftText(tpot)];
  if (first === null && second === null) return 'TTFT and TPOT as profiled';
  if (first === null) return `TTFT as profiled, TPOT ${second ?? ''}`;
  return `TTFT ${first} than profiled, TPOT ${second ?? 'as profiled'}`;
}

/** The larger of the two: `phone 18 % slower`. */
export function speedText({ ttft, tpot }: LatencyCorrection): string {
  const furthest = driftText(Math.abs(tpot - 1) > Math.abs(ttft - 1) ? tpot : ttft);
  return furthest === null ? 'phone as profiled' : `phone ${furthest}`;
}

interface CellContext {
  readonly limits: Decision['limits'];
  /** Time from arrival to the start of service, ms. */
  readonly waitedMs: number;
  readonly chosen: boolean;
  readonly proposed: boolean;
}

/** A strategy of the heat map in words. */
export function cellText(cell: StrategyCell, { limits, waitedMs, chosen, proposed }: CellContext): string {
  const limit = (ms: number | null | undefined): string =>
    ms === null || ms === undefined ? ', not bounded' : ` of ${formatMs(ms)}`;
  const waiting = waitedMs >= 1 ? `, waiting ${formatMs(waitedMs)} included` : '';
  const role = [chosen ? 'chosen' : null, proposed ? 'proposed by the TLM' : null].filter(Boolean);
  return [
    `${strategyText(cell)}${role.length === 0 ? '' : ` (${role.join(', ')})`}:`,
    `TTFT ${formatMs(cell.ttftMs + waitedMs)}${limit(limits?.ttftMs)}${waiting};`,
    `TPOT ${formatMs(cell.tpotMs)}${limit(limits?.tpotMs)};`,
    `quality ${cell.quality === null ? `${UNKNOWN} (not measured)` : formatRatio(cell.quality)};`,
    cell.feasible ? 'feasible' : 'not feasible',
  ].join(' ');
}
