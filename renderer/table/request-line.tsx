import { memo } from 'react';
import { formatClock, formatMs, formatSloBrief, UNKNOWN } from '../format/units.ts';
import { interventionsOf, interventionText, INTERVENTIONS } from '../format/intervention.ts';
import { missReason, verdictWord } from '../format/verdict.ts';
import { isOpen, type RequestRow } from '../live/request-row.ts';
import { look, useView } from '../state/view-store.ts';
import { AppMark } from '../widgets/app-mark.tsx';
import { Icon } from '../widgets/icon.tsx';
import { InterventionMark } from '../widgets/intervention-mark.tsx';
import { LevelChip } from '../widgets/level-chip.tsx';
import { Hint } from '../widgets/term.tsx';
import { RequestDetail } from './request-detail.tsx';
import { VerdictMark } from './verdict-mark.tsx';

/** End of the text that a streaming row shows: the newest tokens are the news. */
const TAIL_CHARS = 160;

interface RequestLineProps {
  readonly row: RequestRow;
  readonly index: number;
  readonly expanded: boolean;
}

function toggleRow(id: string): void {
  look({ expandedId: useView.getState().expandedId === id ? null : id });
}

/** One request: a line and, when opened, its details. Rows are immutable, so an unchanged one is not redrawn. */
export const RequestLine = memo(function RequestLine({ row, index, expanded }: RequestLineProps) {
  const reason = missReason(row);
  const open = isOpen(row);
  const interventions = interventionsOf(row);
  const hovered = useView((view) => view.hoveredId === row.id);
  return (
    <>
      <div
        className={`line${hovered ? ' hovered' : ''}${expanded ? ' expanded' : ''}`}
        role="row"
        aria-rowindex={index + 1}
        onClick={() => toggleRow(row.id)}
        onMouseEnter={() => look({ hoveredId: row.id })}
        onMouseLeave={() => look({ hoveredId: null })}
      >
        <span role="cell">
          <button
            type="button"
            className="expander"
            aria-expanded={expanded}
            aria-label={`Details of request ${row.id}`}
            onClick={(event) => {
              event.stopPropagation();
              toggleRow(row.id);
            }}
          >
            <Icon name={expanded ? 'down' : 'right'} />
          </button>
        </span>
        <span role="cell" className="muted">
          {formatClock(row.atMs, true)}
        </span>
        <span role="cell" className="line-app">
          <AppMark app={row.app} />
          {row.label}
        </span>
        <span role="cell">{formatSloBrief(row.slo)}</span>
        <span role="cell" className="line-strategy">
          {row.decision === null ? UNKNOWN : <LevelChip strategy={row.decision.strategy} />}
          {interventions.map((kind) => (
            <InterventionMark key={kind} kind={kind} />
          ))}
        </span>
        <span role="cell" className="number">
          {formatMs(row.queueMs)}
        </span>
        <span role="cell" className={bound(row.report?.sloHit.ttft)}>
          {formatMs(row.ttftMs)}
        </span>
        <span role="cell" className={bound(row.report?.sloHit.tpot)}>
          {formatMs(row.tpotMs)}
        </span>
        <span role="cell" className="verdict">
          <VerdictMark row={row} />
          {verdictWord(row)}
        </span>
        <span role="cell" className="line-text" title={reason ?? undefined}>
          {interventions.map((kind) => (
            <Hint key={kind} text={interventionText(kind, row)}>
              <span className={`tag ${kind}`}>{INTERVENTIONS[kind].word}</span>
            </Hint>
          ))}
          {reason === null ? null : <span className={row.hit === false ? 'reason' : 'muted'}>{reason} </span>}
          <span className={reason === null ? undefined : 'muted'}>
            {open ? row.text.slice(-TAIL_CHARS) : row.text.slice(0, TAIL_CHARS)}
          </span>
          {row.state === 'running' ? <span className="caret" aria-hidden="true" /> : null}
        </span>
      </div>
      {expanded ? <RequestDetail row={row} /> : null}
    </>
  );
});

function bound(met: boolean | null | undefined): string {
  return met === false ? 'number missed' : 'number';
}
