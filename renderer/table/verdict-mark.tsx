import { isOpen, type RequestRow } from '../live/request-row.ts';

/** The same marks as in the charts: dot = hit, hollow diamond = miss, cross = failed, ring = not judged. */
export function VerdictMark({ row }: { readonly row: Pick<RequestRow, 'state' | 'hit'> }) {
  const shape = row.state === 'failed' ? 'failed' : row.hit === null ? 'open' : row.hit ? 'hit' : 'miss';
  return (
    <svg
      className={`verdict-mark ${shape}${isOpen(row) ? ' pending' : ''}`}
      viewBox="0 0 10 10"
      aria-hidden="true"
    >
      {shape === 'hit' || shape === 'open' ? <circle cx="5" cy="5" r="3" /> : null}
      {shape === 'miss' ? <path d="M5 1l4 4-4 4-4-4z" /> : null}
      {shape === 'failed' ? <path d="M2 2l6 6M8 2l-6 6" /> : null}
    </svg>
  );
}
