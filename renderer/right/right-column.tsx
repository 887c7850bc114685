import { useMemo } from 'react';
import { APPS } from '../../core/app.ts';
import type { DesktopState } from '../../core/desktop-state.ts';
import { decisionFigures } from '../live/decision-figures.ts';
import { figuresOf, figuresPerApp } from '../live/figures.ts';
import { rowsInScope, scopeMs } from '../state/current-frame.ts';
import { useSampledView } from '../state/use-sampled-view.ts';
import { useShown } from '../state/shown-store.ts';
import { useView } from '../state/view-store.ts';
import { AppCard } from './app-card.tsx';
import { Decisions } from './decisions.tsx';
import { LevelPin } from './level-pin.tsx';
import { Overall } from './overall.tsx';
import { TraceControls } from './trace-controls.tsx';

/** Figures per app and overall, and all that can be turned while a run is on. */
export function RightColumn({ state }: { readonly state: DesktopState }) {
  const view = useSampledView();
  const past = useShown((shown) => shown.past);
  const selection = useView((slice) => slice.selection);
  const { all, perApp, decisions } = useMemo(() => {
    const rows = rowsInScope(view.rows, selection);
    const durationMs = scopeMs(view, selection);
    return {
      all: figuresOf(rows, durationMs),
      perApp: figuresPerApp(rows, durationMs),
      decisions: decisionFigures(rows),
    };
  }, [view, selection]);
  const slos = past === null ? state.slos : { ...state.slos, ...past.slos };
  return (
    <aside className="column right" aria-label="Apps and controls">
      <Overall
        figures={all}
        switches={view.switches.length}
        scope={selection !== null ? 'selection' : past !== null ? 'past run' : 'this run'}
      />
      <Decisions figures={decisions} />
      <section className="panel" aria-label="Apps">
        <header className="panel-title">
          <h2>Apps</h2>
          <span className="panel-hint">SLO, ratio of the full model</span>
        </header>
        {APPS.map((app) => (
          <AppCard
            key={app.id}
            app={app}
            slo={slos[app.id] ?? app.slo}
            figures={perApp.get(app.id) ?? null}
            readOnly={past !== null}
          />
        ))}
      </section>
      {past === null ? (
        <>
          <LevelPin pinned={state.pinnedLevel} ready={state.session?.phase === 'ready'} />
          <TraceControls state={state} />
        </>
      ) : (
        <p className="panel panel-empty">
          A recorded run: its SLOs, levels and load are what they were. {past.environment.description}
        </p>
      )}
    </aside>
  );
}
