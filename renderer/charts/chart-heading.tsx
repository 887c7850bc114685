import { useMemo } from 'react';
import {
  formatBytes,
  formatCelsius,
  formatClock,
  formatCount,
  formatMs,
  formatRatio,
  UNKNOWN,
} from '../format/units.ts';
import { INTERVENTION_IDS, INTERVENTIONS } from '../format/intervention.ts';
import { verdictWord } from '../format/verdict.ts';
import type { LiveView } from '../live/live-view.ts';
import type { RequestRow } from '../live/request-row.ts';
import { valueAt } from '../live/time-series.ts';
import { useShown } from '../state/shown-store.ts';
import { useView, type LatencyUnit } from '../state/view-store.ts';
import { InterventionMark } from '../widgets/intervention-mark.tsx';
import { Term } from '../widgets/term.tsx';
import type { LaneId, LaneSpec } from './lanes.ts';

/** Name of a chart and, beside it, what is under the cursor, else the newest value. */
export function ChartHeading({ spec }: { readonly spec: LaneSpec }) {
  const unit = useView((view) => view.unit);
  const latency = spec.id === 'ttft' || spec.id === 'tpot';
  return (
    <header className="lane-heading">
      <Term id={spec.term}>{latency && unit === 'ratio' ? `${spec.title} / SLO` : spec.title}</Term>
      {latency && unit === 'ms' ? <span className="muted">ms</span> : null}
      <span className="lane-value">
        {latency ? <HoveredLatency metric={spec.id} unit={unit} /> : <SeriesValue id={spec.id} />}
      </span>
      {spec.id === 'level' ? <InterventionKey /> : null}
    </header>
  );
}

/** What the marks over the level mean. */
function InterventionKey() {
  return (
    <ul className="lane-key" aria-label="Marks of the level chart">
      {INTERVENTION_IDS.map((kind) => (
        <li key={kind}>
          <InterventionMark kind={kind} />
          {INTERVENTIONS[kind].word}
        </li>
      ))}
    </ul>
  );
}

function HoveredLatency({ metric, unit }: { readonly metric: LaneId; readonly unit: LatencyUnit }) {
  const rows = useShown((shown) => shown.view.rows);
  const hoveredId = useView((view) => view.hoveredId);
  const row = useMemo(
    () => (hoveredId === null ? undefined : rows.findLast(({ id }) => id === hoveredId)),
    [rows, hoveredId],
  );
  return row === undefined ? null : <>{latencyText(row, metric === 'ttft' ? 'ttft' : 'tpot', unit)}</>;
}

function latencyText(row: RequestRow, metric: 'ttft' | 'tpot', unit: LatencyUnit): string {
  const value = metric === 'ttft' ? row.ttftMs : row.tpotMs;
  const limits = row.decision?.limits ?? null;
  const limit = (metric === 'ttft' ? limits?.ttftMs : limits?.tpotMs) ?? null;
  const ratio =
    unit === 'ratio' && value !== null && limit !== null ? ` = ${formatRatio(value / limit)}` : '';
  const bound = limit === null ? '' : ` / ${formatMs(limit)}`;
  return `${row.label} · ${formatMs(value)}${bound}${ratio} · ${verdictWord(row)}`;
}

function SeriesValue({ id }: { readonly id: LaneId }) {
  const view = useShown((shown) => shown.view);
  const cursorMs = useView((state) => state.cursorMs);
  const atMs = cursorMs ?? view.endMs;
  if (atMs === null) return <>{UNKNOWN}</>;
  return (
    <>
      {cursorMs !== null && id === 'level' ? (
        <span className="muted">{formatClock(cursorMs, true)} </span>
      ) : null}
      {seriesText(view, id, atMs)}
    </>
  );
}

function seriesText(view: LiveView, id: LaneId, atMs: number): string {
  switch (id) {
    case 'level': {
      const level = valueAt(view.series.level, atMs);
      const prompt = valueAt(view.series.promptLevel, atMs);
      return level === null
        ? UNKNOWN
        : `m ${level} %${prompt === null ? '' : `   p ${Math.round(prompt)} %`}`;
    }
    case 'queue':
      return formatCount(valueAt(view.series.queue, atMs));
    case 'temperature':
      return formatCelsius(valueAt(view.series.temperatureC, atMs));
    case 'memory':
      return formatBytes(valueAt(view.series.memoryBytes, atMs));
    case 'ttft':
    case 'tpot':
      return UNKNOWN;
  }
}
