import { useShown } from '../state/shown-store.ts';
import { look, useView, WINDOWS_S } from '../state/view-store.ts';
import { APPS } from '../../core/app.ts';
import { AppMark } from '../widgets/app-mark.tsx';
import { Button } from '../widgets/button.tsx';
import { VerdictMark } from '../table/verdict-mark.tsx';

function windowWords(seconds: number): string {
  return seconds < 60 ? `${seconds} s` : seconds < 3600 ? `${seconds / 60} min` : '1 h';
}

/** Over the charts: unit, time window and what the marks mean. */
export function ChartBar() {
  const unit = useView((view) => view.unit);
  const windowS = useView((view) => view.windowS);
  const zoom = useView((view) => view.zoom);
  const past = useShown((shown) => shown.mode === 'past');
  return (
    <div className="chart-bar">
      <div className="segments" role="group" aria-label="Latency unit">
        <Button pressed={unit === 'ratio'} onClick={() => look({ unit: 'ratio' })}>
          measured / SLO
        </Button>
        <Button pressed={unit === 'ms'} onClick={() => look({ unit: 'ms' })}>
          ms
        </Button>
      </div>
      {past ? null : (
        <label className="choice">
          <span>window</span>
          <select
            value={windowS}
            onChange={(event) => look({ windowS: Number(event.target.value), zoom: null })}
          >
            {WINDOWS_S.map((seconds) => (
              <option key={seconds} value={seconds}>
                {windowWords(seconds)}
              </option>
            ))}
          </select>
        </label>
      )}
      {zoom === null ? null : <Button onClick={() => look({ zoom: null })}>Reset zoom</Button>}
      <span className="spacer" />
      <ul className="legend" aria-label="Marks">
        {APPS.map((app) => (
          <li key={app.id}>
            <AppMark app={app.id} />
            {app.name}
          </li>
        ))}
        <li>
          <VerdictMark row={{ state: 'completed', hit: false }} />
          miss
        </li>
      </ul>
    </div>
  );
}
