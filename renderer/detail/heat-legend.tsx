import { heatEnds, HEAT_STEPS, type HeatInput } from './heat-cells.ts';

const STEPS = Array.from({ length: HEAT_STEPS }, (_, i) => i + 1);

/** What colours and marks of the heat map mean. */
export function HeatLegend({
  input,
  overruled,
}: {
  readonly input: HeatInput;
  /** A proposal is marked. */
  readonly overruled: boolean;
}) {
  const [pale, deep] = heatEnds(input);
  return (
    <ul className="heat-legend" aria-label="Colours and marks">
      <li>
        {pale}
        <span className="heat-scale" aria-hidden="true">
          {STEPS.map((step) => (
            <span key={step} className={`heat-${step}`} />
          ))}
        </span>
        {deep}
      </li>
      <li>
        <Sample className="chosen" />
        chosen
      </li>
      {overruled ? (
        <li>
          <Sample className="heat-3 proposed" />
          proposed
        </li>
      ) : null}
      <li>
        <Sample className="heat-3 edge-top edge-right edge-bottom edge-left" />
        feasible
      </li>
      <li>
        <Sample className="heat-3 infeasible" />
        not feasible
      </li>
    </ul>
  );
}

function Sample({ className }: { readonly className: string }) {
  return <span className={`heat-cell heat-sample ${className}`} aria-hidden="true" />;
}
