import { useMemo } from 'react';
import type { Summary } from '../../core/statistics.ts';
import { rowsOfApp } from '../charts/frame.ts';
import type { TermId } from '../format/glossary.ts';
import { formatClock, formatCount, formatMs, formatPerSecond, formatShare } from '../format/units.ts';
import { figuresOf, latencySummaries } from '../live/figures.ts';
import { rowsInScope, scopeMs } from '../state/current-frame.ts';
import { useSampledView } from '../state/use-sampled-view.ts';
import { look, useView } from '../state/view-store.ts';
import { Button } from '../widgets/button.tsx';
import { Term } from '../widgets/term.tsx';

const COLUMNS: readonly { readonly key: keyof Summary; readonly term: TermId | null }[] = [
  { key: 'mean', term: null },
  { key: 'p50', term: 'p50' },
  { key: 'p90', term: 'p90' },
  { key: 'p95', term: 'p95' },
  { key: 'p99', term: 'p99' },
  { key: 'min', term: null },
  { key: 'max', term: null },
];

/** TTFT and TPOT of the selection, or of all requests on show. */
export function ScopeSummary() {
  const view = useSampledView();
  const selection = useView((state) => state.selection);
  const app = useView((state) => state.app);
  const { ttft, tpot, figures } = useMemo(() => {
    const rows = rowsInScope(rowsOfApp(view.rows, app), selection);
    return { ...latencySummaries(rows), figures: figuresOf(rows, scopeMs(view, selection)) };
  }, [view, selection, app]);
  return (
    <div className="scope" aria-label="Statistics">
      <div className="scope-what">
        {selection === null ? (
          <span className="scope-title">All requests</span>
        ) : (
          <>
            <span className="scope-title">
              {formatClock(selection.fromMs, true)} – {formatClock(selection.toMs, true)}
            </span>
            <span className="scope-buttons">
              <Button onClick={() => look({ zoom: selection, selection: null })}>Zoom</Button>
              <Button onClick={() => look({ selection: null })}>Clear</Button>
            </span>
          </>
        )}
        <span className="muted">
          {figures.judged === 0
            ? 'none judged'
            : `${formatShare(figures.attainment)} of ${formatCount(figures.judged)} hit, ${formatPerSecond(figures.goodputPerSecond)}`}
        </span>
      </div>
      <table className="scope-table">
        <thead>
          <tr>
            <th />
            <th className="number">n</th>
            {COLUMNS.map(({ key, term }) => (
              <th key={key} className="number">
                {term === null ? key : <Term id={term}>{key}</Term>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <SummaryRow term="ttft" title="TTFT" summary={ttft} />
          <SummaryRow term="tpot" title="TPOT" summary={tpot} />
        </tbody>
      </table>
    </div>
  );
}

interface SummaryRowProps {
  readonly term: TermId;
  readonly title: string;
  readonly summary: Summary;
}

function SummaryRow({ term, title, summary }: SummaryRowProps) {
  return (
    <tr>
      <th>
        <Term id={term}>{title}</Term>
      </th>
      <td className="number">{formatCount(summary.n)}</td>
      {COLUMNS.map(({ key }) => (
        <td key={key} className="number">
          {formatMs(summary[key])}
        </td>
      ))}
    </tr>
  );
}
