import type { App } from '../../core/app.ts';
import type { Slo } from '../../core/slo.ts';
import { formatCount, formatPerSecond, formatShare } from '../format/units.ts';
import type { AppFigures } from '../live/figures.ts';
import { look, useView } from '../state/view-store.ts';
import { AppMark } from '../widgets/app-mark.tsx';
import { Hint } from '../widgets/term.tsx';
import { SloSlider } from './slo-slider.tsx';
import { Sparkline } from './sparkline.tsx';

interface AppCardProps {
  readonly app: App;
  readonly slo: Slo;
  readonly figures: AppFigures | null;
  readonly readOnly: boolean;
}

/** One app: how well its SLO is kept, and the SLO itself. */
export function AppCard({ app, slo, figures, readOnly }: AppCardProps) {
  const only = useView((view) => view.app === app.id);
  const n = figures?.judged ?? 0;
  return (
    <div className={only ? 'app-card only' : 'app-card'}>
      <div className="app-line">
        <Hint text={`${app.task}. Click to show this app alone.`}>
          <button
            type="button"
            className="app-name"
            aria-pressed={only}
            onClick={() => look({ app: only ? null : app.id })}
          >
            <AppMark app={app.id} />
            {app.name}
          </button>
        </Hint>
        <Sparkline values={figures?.spark ?? []} label={`${app.name}: SLO attainment of the last requests`} />
        <Hint
          text={`${app.name}: ${formatShare(figures?.attainment)} of ${formatCount(n)} judged requests met their SLO`}
        >
          <span className="app-share">{formatShare(figures?.attainment)}</span>
        </Hint>
        <Hint text={`${app.name}: goodput, requests per second that met all their bounds`}>
          <span className="app-rate">{formatPerSecond(figures?.goodputPerSecond)}</span>
        </Hint>
      </div>
      <SloSlider app={app} metric="ttft" slo={slo} readOnly={readOnly} />
      <SloSlider app={app} metric="tpot" slo={slo} readOnly={readOnly} />
    </div>
  );
}
