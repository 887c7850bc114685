import type { RequestRow } from '../live/request-row.ts';
import { formatMs } from './units.ts';

/** Hit, miss or what else became of a request, in one word. */
export function verdictWord(row: RequestRow): string {
  if (row.state === 'failed') return 'failed';
  if (row.hit !== null) return row.hit ? 'hit' : 'miss';
  if (row.state === 'completed') return row.slo === null ? 'no SLO' : 'not judged';
  return row.state;
}

/** Waiting below a twentieth of TTFT explains nothing. */
function waitedLong(row: RequestRow): boolean {
  return row.queueMs !== null && row.ttftMs !== null && row.queueMs >= row.ttftMs / 20;
}

/** Why a request missed its SLO or failed, in words; null where there is nothing to explain. */
export function missReason(row: RequestRow): string | null {
  if (row.state === 'failed') return row.failure ?? 'failed without a reason';
  if (row.state === 'cut-off') return 'cut off by the end of the run; not judged';
  if (row.state === 'cancelled') return 'cancelled by the client; not judged';
  if (row.hit !== false) return null;
  const limits = row.report?.limits ?? null;
  const parts: string[] = [];
  if (row.report?.sloHit.ttft === false) {
    const waited = waitedLong(row) ? `, ${formatMs(row.queueMs)} of it waiting` : '';
    parts.push(`TTFT ${formatMs(row.ttftMs)} > ${formatMs(limits?.ttftMs)}${waited}`);
  }
  if (row.report?.sloHit.tpot === false)
    parts.push(`TPOT ${formatMs(row.tpotMs)} > ${formatMs(limits?.tpotMs)}`);
  if (row.decision?.feasible === false) parts.push('no strategy was predicted to meet it');
  return parts.length === 0 ? 'missed its SLO' : parts.join('; ');
}
