import type uPlot from 'uplot';
import type { ChartFrame } from './frame.ts';
import type { Palette } from './palette.ts';
import type { LatencyPoint } from './latency-points.ts';

/** One chart of the column: what it draws, on the axis that all share. */
export interface Lane {
  readonly id: string;
  /** Columns for uPlot, x in host ms; called once per frame, before `yRange` and `paint`. */
  data(frame: ChartFrame): uPlot.AlignedData;
  yRange(): readonly [number, number];
  readonly series: (palette: Palette) => uPlot.Series;
  readonly formatY: (value: number) => string;
  /** Places of the y axis' labels; without, uPlot's own. */
  readonly ySplits?: () => number[];
  /** Draws on the canvas, clipped to the plot, in device pixels. */
  paint?(u: uPlot, frame: ChartFrame, palette: Palette): void;
  /** Marks that the pointer can meet. */
  points?(): readonly LatencyPoint[];
}

export const PLOT_LEFT_PX = 52;
export const PLOT_RIGHT_PX = 10;

/** Runs drawing code clipped to the plot's area. */
export function clipped(u: uPlot, draw: (ctx: CanvasRenderingContext2D) => void): void {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  draw(ctx);
  ctx.restore();
}
