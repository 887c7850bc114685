import { speedText, correctionText } from '../format/decision.ts';
import { formatCount, formatShare } from '../format/units.ts';
import type { TermId } from '../format/glossary.ts';
import type { Intervention } from '../format/intervention.ts';
import type { DecisionFigures } from '../live/decision-figures.ts';
import { InterventionMark } from '../widgets/intervention-mark.tsx';
import { Hint, Term } from '../widgets/term.tsx';

/** Who chose the strategies, what the TLM saves and costs, and how far the phone is from its profile. */
export function Decisions({ figures }: { readonly figures: DecisionFigures }) {
  const { decided, asked, correction } = figures;
  return (
    <section className="panel" aria-label="Decisions">
      <header className="panel-title">
        <h2>Decisions</h2>
        {correction === null ? null : (
          <Hint
            text={`Against the phone’s profile, of late: ${correctionText(correction)}. The guard’s predictions count it.`}
          >
            <span className="panel-hint">{speedText(correction)}</span>
          </Hint>
        )}
      </header>
      {decided === 0 ? (
        <p className="panel-empty">No request is decided yet.</p>
      ) : (
        <dl className="shares">
          <Share term="tlm" title="TLM" value={asked === 0 ? null : figures.tlmShare} />
          <Share term="guard" title="guard" kind="guard" value={asked === 0 ? null : figures.guardShare} />
          <Share
            term="nothingFeasible"
            title="nothing fits"
            kind="nothing-feasible"
            value={figures.nothingFeasibleShare}
          />
          <Share term="keptShare" title="prompt kept" value={figures.keptShare} />
          <Share term="tlmShare" title="TLM / TTFT" value={figures.tlmShareOfTtft} />
          <div>
            <dt>
              <InterventionMark kind="lowered" />
              <Term id="guard">lowered</Term>
            </dt>
            <dd>{formatCount(figures.lowered)}</dd>
          </div>
        </dl>
      )}
    </section>
  );
}

interface ShareProps {
  readonly term: TermId;
  readonly title: string;
  readonly kind?: Intervention;
  readonly value: number | null;
}

function Share({ term, title, kind, value }: ShareProps) {
  return (
    <div>
      <dt>
        {kind === undefined ? null : <InterventionMark kind={kind} />}
        <Term id={term}>{title}</Term>
      </dt>
      <dd>{formatShare(value)}</dd>
    </div>
  );
}
