import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'react';
import { rowsOfApp } from '../charts/frame.ts';
import { formatCount } from '../format/units.ts';
import { rowsMatching } from '../live/filter.ts';
import type { RequestRow } from '../live/request-row.ts';
import { rowsInScope } from '../state/current-frame.ts';
import { useShown } from '../state/shown-store.ts';
import { useView } from '../state/view-store.ts';
import { Term } from '../widgets/term.tsx';
import { RequestLine } from './request-line.tsx';
import { TableEmpty } from './table-empty.tsx';

export const LINE_PX = 24;
const DETAIL_PX = 232;

/** Requests of the selection, or all, that match app and filter; newest first. */
function useListed(): { rows: readonly RequestRow[]; of: number } {
  const all = useShown((shown) => shown.view.rows);
  const selection = useView((view) => view.selection);
  const app = useView((view) => view.app);
  const filter = useView((view) => view.filter);
  return useMemo(() => {
    const scoped = rowsInScope(rowsOfApp(all, app), selection);
    return { rows: [...rowsMatching(scoped, filter)].reverse(), of: all.length };
  }, [all, selection, app, filter]);
}

/** The request table: virtualized, newest on top, tokens as they stream. */
export function RequestTable() {
  const { rows, of } = useListed();
  const expandedId = useView((view) => view.expandedId);
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => LINE_PX + (rows[index]?.id === expandedId ? DETAIL_PX : 0),
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 8,
  });
  useLayoutEffect(() => virtualizer.measure(), [expandedId, virtualizer]);
  useSteadyScroll(scroller, rows);
  useEffect(() => {
    const index = expandedId === null ? -1 : rows.findIndex(({ id }) => id === expandedId);
    if (index >= 0) reveal(scroller.current, index * LINE_PX, LINE_PX + DETAIL_PX);
    // Only a newly opened row is brought into view; new rows above it must not move it again.
  }, [expandedId]);
  return (
    <div className="table" role="table" aria-label="Requests" aria-rowcount={rows.length}>
      <div className="table-head line" role="row">
        <span role="columnheader" />
        <span role="columnheader">Arrival</span>
        <span role="columnheader">App</span>
        <span role="columnheader">
          <Term id="slo">SLO</Term>
        </span>
        <span role="columnheader">
          <Term id="strategy">p×m</Term>
        </span>
        <span role="columnheader" className="number">
          <Term id="queue">Wait</Term>
        </span>
        <span role="columnheader" className="number">
          <Term id="ttft">TTFT</Term>
        </span>
        <span role="columnheader" className="number">
          <Term id="tpot">TPOT</Term>
        </span>
        <span role="columnheader">
          <Term id="attainment">SLO hit</Term>
        </span>
        <span role="columnheader" className="line-text">
          {rows.length === of ? 'Text' : `Text · ${formatCount(rows.length)} of ${formatCount(of)} shown`}
        </span>
      </div>
      <div className="table-body" ref={scroller} tabIndex={0} aria-label="Request rows">
        {rows.length === 0 ? <TableEmpty filtered={of > 0} /> : null}
        <div className="table-rows" style={{ height: virtualizer.getTotalSize() }}>
          {virtualizer.getVirtualItems().map((item) => {
            const row = rows[item.index];
            return row === undefined ? null : (
              <div
                key={item.key}
                className="table-row"
                style={{ transform: `translateY(${item.start}px)`, height: item.size }}
              >
                <RequestLine row={row} index={item.index} expanded={row.id === expandedId} />
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** Scrolls as little as shows the whole item, or its top where it is higher than the list. */
function reveal(list: HTMLElement | null, topPx: number, heightPx: number): void {
  if (list === null) return;
  const lowest = topPx + heightPx - list.clientHeight;
  if (topPx < list.scrollTop || lowest > list.scrollTop) list.scrollTop = Math.min(topPx, lowest);
  if (topPx < list.scrollTop) list.scrollTop = topPx;
}

/** New rows come in above: who has scrolled down keeps their place. */
function useSteadyScroll(
  scroller: { readonly current: HTMLElement | null },
  rows: readonly RequestRow[],
): void {
  const before = useRef<{ readonly firstId: string | undefined }>({ firstId: undefined });
  useLayoutEffect(() => {
    const element = scroller.current;
    const { firstId } = before.current;
    before.current = { firstId: rows[0]?.id };
    if (element === null || element.scrollTop < LINE_PX || firstId === undefined) return;
    const added = rows.findIndex(({ id }) => id === firstId);
    if (added > 0) element.scrollTop += added * LINE_PX;
  }, [rows, scroller]);
}
