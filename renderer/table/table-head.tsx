import { formatCount } from '../format/units.ts';
import { Term } from '../widgets/term.tsx';

interface TableHeadProps {
  readonly shown: number;
  readonly of: number;
}

export function TableHead({ shown, of }: TableHeadProps) {
  return (
    <div className="table-head line" role="row">
      <span role="columnheader" aria-label="Details" />
      <span role="columnheader">Arrival</span>
      <span role="columnheader">App</span>
      <span role="columnheader">
        <Term id="slo">SLO</Term>
      </span>
      <span role="columnheader">
        <Term id="strategy">p×m</Term>
      </span>
      <span role="columnheader" className="number">
        <Term id="queue">Wait</Term>
      </span>
      <span role="columnheader" className="number">
        <Term id="ttft">TTFT</Term>
      </span>
      <span role="columnheader" className="number">
        <Term id="tpot">TPOT</Term>
      </span>
      <span role="columnheader">
        <Term id="attainment">SLO hit</Term>
      </span>
      <span role="columnheader" className="line-text">
        {shown === of ? 'Text' : `Text · ${formatCount(shown)} of ${formatCount(of)} shown`}
      </span>
    </div>
  );
}
