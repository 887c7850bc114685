import { formatCount, formatPerSecond, formatShare } from '../format/units.ts';
import type { Figures } from '../live/figures.ts';
import { Term } from '../widgets/term.tsx';

interface OverallProps {
  readonly figures: Figures;
  readonly switches: number;
  /** What the figures are about. */
  readonly scope: string;
}

export function Overall({ figures, switches, scope }: OverallProps) {
  const judged = figures.judged === 0 ? 'none judged yet' : `of ${formatCount(figures.judged)} judged`;
  return (
    <section className="panel overall" aria-label="Overall">
      <header className="panel-title">
        <h2>Overall</h2>
        <span className="panel-hint">{scope}</span>
      </header>
      <div className="big-figures">
        <div>
          <Term id="attainment">SLO attainment</Term>
          <strong>{formatShare(figures.attainment)}</strong>
          <span className="muted">{judged}</span>
        </div>
        <div>
          <Term id="goodput">Goodput</Term>
          <strong>{formatPerSecond(figures.goodputPerSecond)}</strong>
          <span className="muted">
            <Term id="switches">{formatCount(switches)} level switches</Term>
          </span>
        </div>
      </div>
      <p className="counts">
        {formatCount(figures.completed)} completed, {formatCount(figures.open)} open,{' '}
        <span className={figures.failed > 0 ? 'reason' : undefined}>
          {formatCount(figures.failed)} failed
        </span>
        {figures.cutOff > 0 ? `, ${formatCount(figures.cutOff)} cut off` : ''}
      </p>
    </section>
  );
}
