import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'react';
import { rowsOfApp } from '../charts/frame.ts';
import { rowsMatching } from '../live/filter.ts';
import type { RequestRow } from '../live/request-row.ts';
import { rowsInScope } from '../state/current-frame.ts';
import { useShown } from '../state/shown-store.ts';
import { useView } from '../state/view-store.ts';
import { RequestLine } from './request-line.tsx';
import { TableEmpty } from './table-empty.tsx';
import { TableHead } from './table-head.tsx';

/** As in table.css. */
const LINE_PX = 24;
/** Details fill the list, within these. */
const LEAST_DETAIL_PX = 196;
const MOST_DETAIL_PX = 272;

/** Requests of the selection, or all, that match app and filter; oldest first, as the view has them. */
function useListed(): { rows: readonly RequestRow[]; of: number } {
  const all = useShown((shown) => shown.view.rows);
  const selection = useView((view) => view.selection);
  const app = useView((view) => view.app);
  const filter = useView((view) => view.filter);
  return useMemo(() => {
    const scoped = rowsInScope(rowsOfApp(all, app), selection);
    return { rows: rowsMatching(scoped, filter), of: all.length };
  }, [all, selection, app, filter]);
}

/** The request table: virtualized, newest on top, tokens as they stream. */
export function RequestTable() {
  const { rows, of } = useListed();
  const expandedId = useView((view) => view.expandedId);
  const scroller = useRef<HTMLDivElement>(null);
  // Lines count from the newest; the list itself stays oldest first, so that nothing is copied per frame.
  const last = rows.length - 1;
  const openLine = useMemo(() => {
    const index = expandedId === null ? -1 : rows.findLastIndex(({ id }) => id === expandedId);
    return index < 0 ? -1 : rows.length - 1 - index;
  }, [rows, expandedId]);
  const listPx = scroller.current?.clientHeight ?? 0;
  const detailPx = Math.min(MOST_DETAIL_PX, Math.max(LEAST_DETAIL_PX, listPx - LINE_PX));
  // Keyed by line, not by request: the heights of 20 000 lines are then not counted anew for each token.
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (line) => LINE_PX + (line === openLine ? detailPx : 0),
    overscan: 8,
  });
  useLayoutEffect(() => virtualizer.measure(), [openLine, detailPx, virtualizer]);
  useSteadyScroll(scroller, rows);
  useEffect(() => {
    if (openLine >= 0) reveal(scroller.current, openLine * LINE_PX, LINE_PX + detailPx);
    // Only a newly opened row is brought into view; new rows above it must not move it again.
  }, [expandedId]);
  return (
    <div className="table" role="table" aria-label="Requests" aria-rowcount={rows.length}>
      <TableHead shown={rows.length} of={of} />
      <div className="table-body" ref={scroller} tabIndex={0} aria-label="Request rows">
        {rows.length === 0 ? <TableEmpty filtered={of > 0} /> : null}
        <div className="table-rows" style={{ height: virtualizer.getTotalSize() }}>
          {virtualizer.getVirtualItems().map((item) => {
            const row = rows[last - item.index];
            return row === undefined ? null : (
              <div
                key={row.id}
                className="table-row"
                style={{ transform: `translateY(${item.start}px)`, height: item.size }}
              >
                <RequestLine row={row} index={item.index} expanded={item.index === openLine} />
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
  const newestBefore = useRef<string | undefined>(undefined);
  useLayoutEffect(() => {
    const list = scroller.current;
    const newest = newestBefore.current;
    newestBefore.current = rows.at(-1)?.id;
    if (list === null || list.scrollTop < LINE_PX || newest === undefined) return;
    const index = rows.findLastIndex(({ id }) => id === newest);
    if (index >= 0) list.scrollTop += (rows.length - 1 - index) * LINE_PX;
  }, [rows, scroller]);
}
