import { useEffect, useRef, type KeyboardEvent, type RefObject } from 'react';
import { currentFrame } from '../state/current-frame.ts';
import { useShown } from '../state/shown-store.ts';
import { useTheme } from '../state/theme.ts';
import { look, useView } from '../state/view-store.ts';
import { Chart, type ChartHandlers } from './chart.ts';
import { ChartHeading } from './chart-heading.tsx';
import { LANES } from './lanes.ts';
import { readPalette } from './palette.ts';

const SYNC_KEY = 'bungee';

const handlers: ChartHandlers = {
  onSelect: (selection) => look({ selection }),
  onPointer: (cursorMs, point) => look({ cursorMs, hoveredId: point?.row.id ?? null }),
  onClick: (point) => {
    if (point === null) look({ selection: null });
    else look({ tab: 'requests', expandedId: point.row.id, filter: '' });
  },
};

/** Makes the charts once per theme and redraws them, all together, at most once per animation frame. */
function useCharts(column: RefObject<HTMLDivElement | null>): RefObject<readonly Chart[]> {
  const charts = useRef<readonly Chart[]>([]);
  const dark = useTheme((theme) => theme.dark);
  useEffect(() => {
    const element = column.current;
    if (element === null) return;
    const palette = readPalette(element);
    const hosts = [...element.querySelectorAll<HTMLElement>('.plot')];
    charts.current = hosts.flatMap((host, i) => {
      const spec = LANES[i];
      if (spec === undefined) return [];
      const timeAxis = i === LANES.length - 1;
      return [new Chart({ host, lane: spec.make(), palette, syncKey: SYNC_KEY, timeAxis, handlers })];
    });
    let requested: number | null = null;
    const draw = (): void => {
      requested = null;
      const frame = currentFrame();
      for (const chart of charts.current) chart.update(frame);
    };
    const request = (): void => {
      requested ??= window.requestAnimationFrame(draw);
    };
    draw();
    const unsubscribe = [
      useShown.subscribe(request),
      useView.subscribe((now, before) => {
        const changed =
          now.windowS !== before.windowS ||
          now.zoom !== before.zoom ||
          now.selection !== before.selection ||
          now.unit !== before.unit ||
          now.app !== before.app ||
          now.hoveredId !== before.hoveredId;
        if (changed) request();
      }),
    ];
    return () => {
      for (const stop of unsubscribe) stop();
      if (requested !== null) window.cancelAnimationFrame(requested);
      for (const chart of charts.current) chart.destroy();
      charts.current = [];
    };
  }, [column, dark]);
  return charts;
}

/** Arrows move the cursor by a hundredth of the axis, with Shift they extend the selection. */
function onKey(event: KeyboardEvent, charts: readonly Chart[]): void {
  const direction = event.key === 'ArrowLeft' ? -1 : event.key === 'ArrowRight' ? 1 : 0;
  if (direction === 0) return;
  event.preventDefault();
  const { range } = currentFrame();
  const { cursorMs, selection } = useView.getState();
  const from = cursorMs ?? range.toMs;
  const step = ((range.toMs - range.fromMs) / 100) * direction;
  const to = Math.min(range.toMs, Math.max(range.fromMs, from + step));
  if (event.shiftKey) {
    const anchor =
      selection === null ? from : Math.abs(selection.fromMs - from) < 1 ? selection.toMs : selection.fromMs;
    look({ selection: { fromMs: Math.min(anchor, to), toMs: Math.max(anchor, to) } });
  }
  look({ cursorMs: to });
  for (const chart of charts) chart.showCursor(to);
}

/** The live charts on one time axis. */
export function ChartColumn() {
  const column = useRef<HTMLDivElement>(null);
  const charts = useCharts(column);
  return (
    <div
      className="charts"
      ref={column}
      tabIndex={0}
      role="group"
      aria-label="Charts. Left and right move the cursor, with Shift they select a time range."
      onKeyDown={(event) => onKey(event, charts.current)}
    >
      {LANES.map((spec) => (
        <section key={spec.id} className={`lane lane-${spec.id}`}>
          <ChartHeading spec={spec} />
          <div className="plot" role="img" aria-label={spec.description} />
        </section>
      ))}
    </div>
  );
}
