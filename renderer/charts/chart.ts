import uPlot from 'uplot';
import { formatClock } from '../format/units.ts';
import type { TimeRange } from '../live/filter.ts';
import type { ChartFrame } from './frame.ts';
import { clipped, PLOT_LEFT_PX, PLOT_RIGHT_PX, type Lane } from './lane.ts';
import { nearestPoint, type LatencyPoint } from './latency-points.ts';
import type { Palette } from './palette.ts';

/** Pointer's reach for a mark, CSS pixels. */
const REACH_PX = 14;
/** A drag shorter than this is a click, CSS pixels. */
const LEAST_DRAG_PX = 4;
const X_AXIS_PX = 22;
/** Room for the heading over the plot, so that no mark is behind it. */
const HEADING_PX = 15;
/** Half the width of a time label: closer to the edge, it would be cut. */
const HALF_LABEL_PX = 26;

export interface ChartHandlers {
  onSelect(range: TimeRange): void;
  onPointer(atMs: number | null, point: LatencyPoint | null): void;
  onClick(point: LatencyPoint | null): void;
}

interface ChartOptions {
  readonly host: HTMLElement;
  readonly lane: Lane;
  readonly palette: Palette;
  /** Charts with the same key share the cursor. */
  readonly syncKey: string;
  readonly timeAxis: boolean;
  readonly handlers: ChartHandlers;
}

/** One uPlot of the column: shared time axis and cursor; the selection is the column's, drawn in each. */
export class Chart {
  readonly #plot: uPlot;
  readonly #lane: Lane;
  readonly #host: HTMLElement;
  readonly #observer: ResizeObserver;
  #frame: ChartFrame | null = null;

  constructor({ host, lane, palette, syncKey, timeAxis, handlers }: ChartOptions) {
    this.#lane = lane;
    this.#host = host;
    this.#plot = new uPlot(
      {
        width: Math.max(1, host.clientWidth),
        height: Math.max(1, host.clientHeight),
        ms: 1,
        padding: [HEADING_PX, PLOT_RIGHT_PX, timeAxis ? 0 : 6, 0],
        legend: { show: false },
        cursor: {
          sync: { key: syncKey },
          drag: { x: true, y: false, setScale: false },
          points: { show: false },
          y: false,
        },
        scales: {
          x: { time: true, range: () => this.#xRange() },
          y: { range: () => [...lane.yRange()] as [number, number] },
        },
        axes: [
          {
            show: timeAxis,
            size: X_AXIS_PX,
            stroke: palette.muted,
            font: palette.font,
            grid: { show: false },
            ticks: { stroke: palette.grid, size: 4, width: 1 },
            space: 90,
            gap: 3,
            values: (u, splits) => splits.map((at) => this.#timeLabel(u, at)),
          },
          {
            size: PLOT_LEFT_PX,
            stroke: palette.muted,
            font: palette.font,
            gap: 4,
            space: 24,
            grid: { stroke: palette.grid, width: 1 },
            ticks: { show: false },
            values: (_u, splits) => splits.map(lane.formatY),
            ...(lane.ySplits === undefined ? {} : { splits: lane.ySplits }),
          },
        ],
        series: [{}, lane.series(palette)],
        hooks: {
          drawClear: [(u) => this.#drawSelection(u, palette)],
          draw: [
            (u) => {
              if (this.#frame !== null) lane.paint?.(u, this.#frame, palette);
            },
          ],
          setSelect: [(u) => this.#selected(u, handlers)],
        },
      },
      [[], []],
      host,
    );
    this.#listen(handlers);
    this.#observer = new ResizeObserver(() => this.#resize());
    this.#observer.observe(host);
  }

  update(frame: ChartFrame): void {
    this.#frame = frame;
    const data = this.#lane.data(frame);
    this.#plot.batch(() => {
      this.#plot.setData(data, false);
      this.#plot.setScale('x', { min: frame.range.fromMs, max: frame.range.toMs });
    });
  }

  /** Moves the cursor line, for the keyboard; null takes it away. */
  showCursor(atMs: number | null): void {
    const left = atMs === null ? -10 : this.#plot.valToPos(atMs, 'x');
    this.#plot.setCursor({ left, top: atMs === null ? -10 : 0 }, false);
  }

  destroy(): void {
    this.#observer.disconnect();
    this.#plot.destroy();
  }

  #xRange(): [number, number] {
    const range = this.#frame?.range;
    return range === undefined ? [0, 1] : [range.fromMs, range.toMs];
  }

  #timeLabel(u: uPlot, atMs: number): string {
    const x = u.valToPos(atMs, 'x');
    const inside = x > HALF_LABEL_PX - PLOT_LEFT_PX && x < u.over.clientWidth + PLOT_RIGHT_PX - HALF_LABEL_PX;
    return (this.#frame?.view.startMs ?? null) === null || !inside ? '' : formatClock(atMs);
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#host;
    if (width > 0 && height > 0 && (width !== this.#plot.width || height !== this.#plot.height))
      this.#plot.setSize({ width, height });
  }

  #drawSelection(u: uPlot, palette: Palette): void {
    const selection = this.#frame?.selection ?? null;
    if (selection === null) return;
    clipped(u, (ctx) => {
      const left = u.valToPos(selection.fromMs, 'x', true);
      ctx.fillStyle = palette.selection;
      ctx.fillRect(left, u.bbox.top, u.valToPos(selection.toMs, 'x', true) - left, u.bbox.height);
    });
  }

  #selected(u: uPlot, handlers: ChartHandlers): void {
    const { left, width } = u.select;
    if (width >= LEAST_DRAG_PX)
      handlers.onSelect({ fromMs: u.posToVal(left, 'x'), toMs: u.posToVal(left + width, 'x') });
    // The column keeps the selection in time, not in pixels, so that it moves with the data.
    if (width > 0) u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  }

  #listen(handlers: ChartHandlers): void {
    const { over } = this.#plot;
    const pointAt = (event: MouseEvent): LatencyPoint | null => {
      const box = over.getBoundingClientRect();
      const pointer = { x: event.clientX - box.left, y: event.clientY - box.top };
      const [, top] = this.#lane.yRange();
      return nearestPoint(
        this.#lane.points?.() ?? [],
        pointer,
        ({ atMs, y }) => ({
          x: this.#plot.valToPos(atMs, 'x'),
          y: this.#plot.valToPos(Math.min(y, top), 'y'),
        }),
        REACH_PX,
      );
    };
    let downX = 0;
    over.addEventListener('mousedown', (event) => (downX = event.clientX));
    over.addEventListener('mousemove', (event) => {
      const left = event.clientX - over.getBoundingClientRect().left;
      handlers.onPointer(this.#plot.posToVal(left, 'x'), pointAt(event));
    });
    over.addEventListener('mouseleave', () => handlers.onPointer(null, null));
    over.addEventListener('click', (event) => {
      if (Math.abs(event.clientX - downX) < LEAST_DRAG_PX) handlers.onClick(pointAt(event));
    });
  }
}
