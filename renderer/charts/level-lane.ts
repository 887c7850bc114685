import uPlot from 'uplot';
import type { SeriesView } from '../live/time-series.ts';
import { lowerBound } from '../live/time-series.ts';
import { paintInterventions } from './intervention-marks.ts';
import type { TimeRange } from '../live/filter.ts';
import { clipped, type Lane } from './lane.ts';

/** A stretch of time at one value of a step line. */
export interface Step {
  readonly fromMs: number;
  readonly toMs: number;
  readonly value: number;
}

/** The steps of a series that touch a range; the last one holds until `endMs`. */
export function stepsIn(series: SeriesView, range: TimeRange, endMs: number): Step[] {
  const { times, values } = series;
  const first = Math.max(0, lowerBound(times, range.fromMs) - 1);
  const steps: Step[] = [];
  for (let i = first; i < times.length; i += 1) {
    const fromMs = times[i] ?? 0;
    if (fromMs > range.toMs) break;
    const toMs = times[i + 1] ?? Math.max(fromMs, endMs);
    const value = values[i] ?? Number.NaN;
    if (!Number.isNaN(value) && toMs >= range.fromMs) steps.push({ fromMs, toMs, value });
  }
  return steps;
}

/**
 * The level as a step line over bars in the level's colour; switches ticked at the upper edge, the guard's marked;
 * p dashed.
 */
export function levelLane(): Lane {
  return {
    id: 'level',
    // uPlot needs a column to have an axis; the steps are painted.
    data: (frame) => [
      [frame.range.fromMs, frame.range.toMs],
      [null, null],
    ],
    // Above 100 % is room for ticks and marks.
    yRange: () => [0, 132],
    series: () => ({ scale: 'y', paths: () => null, points: { show: false } }),
    formatY: (value) => `${value} %`,
    ySplits: () => [20, 60, 100],
    paint(u, frame, palette) {
      const endMs = Math.min(frame.range.toMs, frame.view.endMs ?? frame.range.toMs);
      clipped(u, (ctx) => {
        const x = (atMs: number): number => u.valToPos(atMs, 'x', true);
        const y = (value: number): number => u.valToPos(value, 'y', true);
        const line = uPlot.pxRatio;
        const steps = stepsIn(frame.view.series.level, frame.range, endMs);
        for (const { fromMs, toMs, value } of steps) {
          const left = x(fromMs);
          ctx.fillStyle = palette.level.get(value) ?? palette.muted;
          ctx.fillRect(left, y(value), x(toMs) - left, y(0) - y(value));
        }
        ctx.strokeStyle = palette.text;
        ctx.lineWidth = 1.25 * line;
        ctx.beginPath();
        steps.forEach((step, i) => {
          if (i === 0) ctx.moveTo(x(step.fromMs), y(step.value));
          else ctx.lineTo(x(step.fromMs), y(step.value));
          ctx.lineTo(x(step.toMs), y(step.value));
        });
        ctx.stroke();
        const prompt = stepsIn(frame.view.series.promptLevel, frame.range, endMs);
        ctx.strokeStyle = palette.muted;
        ctx.lineWidth = line;
        ctx.setLineDash([2 * line, 3 * line]);
        ctx.beginPath();
        for (const { fromMs, toMs, value } of prompt) {
          ctx.moveTo(x(fromMs), y(value) - 3 * line);
          ctx.lineTo(x(toMs), y(value) - 3 * line);
        }
        ctx.stroke();
        ctx.setLineDash([]);
        ctx.strokeStyle = palette.accent;
        ctx.lineWidth = 1.5 * line;
        for (const { atMs, reason } of frame.view.switches) {
          if (reason === 'tpot-drift' || atMs < frame.range.fromMs || atMs > frame.range.toMs) continue;
          ctx.beginPath();
          ctx.moveTo(x(atMs), u.bbox.top);
          ctx.lineTo(x(atMs), u.bbox.top + 5 * line);
          ctx.stroke();
        }
        paintInterventions(u, ctx, frame, palette);
      });
    },
  };
}
