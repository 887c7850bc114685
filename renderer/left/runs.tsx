import type { DesktopState, RunRow } from '../../core/desktop-state.ts';
import { formatCount, formatDay, formatShare } from '../format/units.ts';
import { exportRun, openRun } from '../state/actions.ts';
import { useShown } from '../state/shown-store.ts';
import { openDialog } from '../state/view-store.ts';
import { Button, IconButton } from '../widgets/button.tsx';

const STATUS_WORDS: Readonly<Record<RunRow['status'], string>> = {
  running: 'running',
  finished: 'finished',
  failed: 'failed',
  interrupted: 'interrupted',
};

/** Recorded runs, newest first; each opens in the same charts and table. */
export function Runs({ state }: { readonly state: DesktopState }) {
  const runs = [...state.runs].sort((a, b) => b.startedAt.localeCompare(a.startedAt));
  return (
    <section className="panel" aria-label="Runs">
      <header className="panel-title">
        <h2>Runs</h2>
      </header>
      {runs.length === 0 ? <p className="panel-empty">Every run is kept here.</p> : null}
      <ul className="rows">
        {runs.map((run) => (
          <RunItem key={run.id} run={run} active={state.run?.id === run.id} />
        ))}
      </ul>
    </section>
  );
}

function RunItem({ run, active }: { readonly run: RunRow; readonly active: boolean }) {
  const open = useShown(({ past, opening }) =>
    past?.id === run.id ? 'open' : opening === run.id ? 'opening' : '',
  );
  const figures = run.summary;
  return (
    <li className={open === 'open' ? 'row chosen' : 'row'}>
      <button
        type="button"
        className="row-main"
        disabled={active}
        aria-current={open === 'open'}
        title={`${run.bundle} on ${run.device}`}
        onClick={() => void openRun(run.id)}
      >
        <span className="row-when">{formatDay(run.startedAt)}</span>
        <span className="row-facts">
          {run.device}
          {run.virtual ? ' (virtual)' : ''}
        </span>
        <span className="row-state">
          {open === 'opening'
            ? 'opening …'
            : figures === null
              ? STATUS_WORDS[run.status]
              : `${formatShare(figures.sloAttainment)} of ${formatCount(figures.requests.sent)}`}
        </span>
      </button>
      {open === 'open' ? (
        <div className="row-buttons">
          <Button icon="download" onClick={() => void exportRun(run.id, 'json')}>
            JSON
          </Button>
          <Button icon="download" onClick={() => void exportRun(run.id, 'csv')}>
            CSV
          </Button>
          <IconButton label="Delete this run" icon="trash" onClick={() => openDialog('delete-run', run.id)} />
        </div>
      ) : null}
    </li>
  );
}
