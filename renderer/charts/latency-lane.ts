import uPlot from 'uplot';
import { clipped, type Lane } from './lane.ts';
import { latencyCeiling, latencyPoints, type LatencyMetric, type LatencyPoint } from './latency-points.ts';
import type { Palette } from './palette.ts';
import type { LatencyUnit } from '../state/view-store.ts';

/** Radius of a mark, CSS pixels. */
const RADIUS = 3.2;

/** TTFT or TPOT, one mark per request at its arrival, against its SLO. */
export function latencyLane(metric: LatencyMetric): Lane {
  let points: LatencyPoint[] = [];
  let ceiling = 1.5;
  let unit: LatencyUnit = 'ratio';
  return {
    id: metric,
    data(frame) {
      unit = frame.unit;
      points = latencyPoints(frame.rows, frame.range, metric, unit);
      ceiling = latencyCeiling(points, unit);
      return [points.map(({ atMs }) => atMs), points.map(({ y }) => Math.min(y, ceiling))];
    },
    yRange: () => [0, ceiling],
    series: () => ({ scale: 'y', paths: () => null, points: { show: false } }),
    formatY: (value) => (unit === 'ratio' ? String(Number(value.toFixed(2))) : milliseconds(value)),
    points: () => points,
    paint(u, frame, palette) {
      clipped(u, (ctx) => {
        if (unit === 'ratio') dashedLine(u, ctx, 1, palette);
        else for (const point of points) limitTick(u, ctx, point, palette);
        for (const point of points) mark(u, ctx, point, ceiling, palette, point.row.id === frame.hoveredId);
      });
    },
  };
}

function milliseconds(value: number): string {
  return value >= 10_000 ? `${Number((value / 1000).toFixed(1))} s` : String(Number(value.toFixed(1)));
}

function dashedLine(u: uPlot, ctx: CanvasRenderingContext2D, at: number, palette: Palette): void {
  const y = Math.round(u.valToPos(at, 'y', true)) + 0.5;
  ctx.strokeStyle = palette.text;
  ctx.lineWidth = uPlot.pxRatio;
  ctx.setLineDash([6 * uPlot.pxRatio, 4 * uPlot.pxRatio]);
  ctx.beginPath();
  ctx.moveTo(u.bbox.left, y);
  ctx.lineTo(u.bbox.left + u.bbox.width, y);
  ctx.stroke();
  ctx.setLineDash([]);
}

/** In ms each request has a line of its own: a short one, above or below its mark. */
function limitTick(u: uPlot, ctx: CanvasRenderingContext2D, point: LatencyPoint, palette: Palette): void {
  if (point.limit === null) return;
  const x = u.valToPos(point.atMs, 'x', true);
  const y = Math.round(u.valToPos(point.limit, 'y', true)) + 0.5;
  const half = 5 * uPlot.pxRatio;
  ctx.strokeStyle = palette.muted;
  ctx.lineWidth = uPlot.pxRatio;
  ctx.beginPath();
  ctx.moveTo(x - half, y);
  ctx.lineTo(x + half, y);
  ctx.stroke();
}

/** Hit: filled dot; miss: hollow diamond; no verdict: ring; failed: cross. Never colour alone. */
function mark(
  u: uPlot,
  ctx: CanvasRenderingContext2D,
  point: LatencyPoint,
  ceiling: number,
  palette: Palette,
  hovered: boolean,
): void {
  const x = u.valToPos(point.atMs, 'x', true);
  const r = RADIUS * uPlot.pxRatio * (hovered ? 1.5 : 1);
  const beyond = point.y > ceiling;
  const inset = beyond ? r + 2 * uPlot.pxRatio : 0;
  const y = u.valToPos(Math.min(point.y, ceiling), 'y', true) + inset;
  ctx.lineWidth = 1.6 * uPlot.pxRatio;
  ctx.beginPath();
  switch (point.shape) {
    case 'hit':
      ctx.fillStyle = palette.app[point.color];
      ctx.arc(x, y, r, 0, 2 * Math.PI);
      ctx.fill();
      break;
    case 'open':
      ctx.strokeStyle = palette.app[point.color];
      ctx.arc(x, y, r, 0, 2 * Math.PI);
      ctx.stroke();
      break;
    case 'miss': {
      const d = r * 1.35;
      ctx.strokeStyle = palette.error;
      ctx.moveTo(x, y - d);
      ctx.lineTo(x + d, y);
      ctx.lineTo(x, y + d);
      ctx.lineTo(x - d, y);
      ctx.closePath();
      ctx.stroke();
      break;
    }
    case 'failed': {
      const bottom = u.bbox.top + u.bbox.height - r * 1.5;
      ctx.strokeStyle = palette.error;
      ctx.moveTo(x - r, bottom - r);
      ctx.lineTo(x + r, bottom + r);
      ctx.moveTo(x + r, bottom - r);
      ctx.lineTo(x - r, bottom + r);
      ctx.stroke();
      break;
    }
  }
  if (beyond) {
    // A bar over the mark: its place is beyond the axis.
    ctx.beginPath();
    ctx.moveTo(x - r, u.bbox.top + uPlot.pxRatio);
    ctx.lineTo(x + r, u.bbox.top + uPlot.pxRatio);
    ctx.stroke();
  }
  if (hovered) {
    ctx.strokeStyle = palette.text;
    ctx.lineWidth = uPlot.pxRatio;
    ctx.beginPath();
    ctx.arc(x, y, r + 3 * uPlot.pxRatio, 0, 2 * Math.PI);
    ctx.stroke();
  }
}
