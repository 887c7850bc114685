import type { Decision, StrategyCell } from '../../core/strategy.ts';
import {
  correctionText,
  decisionText,
  isSameStrategy,
  overruledProposal,
  strategyText,
} from '../format/decision.ts';
import { formatMs, formatRatio, UNKNOWN } from '../format/units.ts';
import type { RequestRow } from '../live/request-row.ts';
import { look, useView } from '../state/view-store.ts';
import { Button } from '../widgets/button.tsx';
import { Term } from '../widgets/term.tsx';
import { HeatLegend } from './heat-legend.tsx';
import { HeatMap } from './heat-map.tsx';
import { HEAT_METRICS, type HeatMetric } from './heat-cells.ts';

const METRIC_NAMES: Readonly<Record<HeatMetric, string>> = {
  quality: 'Quality',
  ttft: 'TTFT / SLO',
  tpot: 'TPOT / SLO',
};

/** The decision among its alternatives. */
export function DecisionView({ row }: { readonly row: RequestRow }) {
  const metric = useView((view) => view.heatMetric);
  const { decision, grid } = row;
  if (decision === null) return <p className="muted">Nothing is decided yet: the request waits.</p>;
  if (grid === null || grid.length === 0)
    return (
      <div className="decision-facts">
        <p>{decisionText(decision)}</p>
        <p className="muted">{noGridReason(row)}</p>
      </div>
    );
  const input = { grid, decision, waitedMs: row.queueMs ?? 0, metric };
  return (
    <div className="decision">
      <div className="decision-map">
        <HeatMap {...input} />
      </div>
      <div className="decision-facts">
        <div className="segments" role="group" aria-label="Colour shows">
          {HEAT_METRICS.map((one) => (
            <Button key={one} pressed={metric === one} onClick={() => look({ heatMetric: one })}>
              {METRIC_NAMES[one]}
            </Button>
          ))}
        </div>
        <HeatLegend input={input} overruled={overruledProposal(decision) !== null} />
        <Alternatives decision={decision} grid={grid} waitedMs={input.waitedMs} />
        <p>{decisionText(decision)}</p>
        <p className="muted">
          <Term id="correction">Correction</Term>: {correctionText(decision.correction)}.
          {decision.tlm === null ? (
            ' No TLM was asked: the prompt is kept whole and the level alone is chosen.'
          ) : (
            <>
              {' '}
              <Term id="tlm">TLM</Term>: {formatMs(decision.tlm.ms)}.
            </>
          )}
        </p>
      </div>
    </div>
  );
}

function noGridReason({ detailsDropped, decision }: RequestRow): string {
  if (detailsDropped)
    return 'The window keeps the alternatives of the newest requests; the run’s folder has them all.';
  if (decision?.slo === null) return 'Without an SLO there is nothing to choose by.';
  return 'The alternatives of this request are not known: no profile at that time, or an older agent.';
}

interface AlternativesProps {
  readonly decision: Decision;
  readonly grid: readonly StrategyCell[];
  readonly waitedMs: number;
}

/** Chosen and proposed strategy side by side, waiting included as in the map. */
function Alternatives({ decision, grid, waitedMs }: AlternativesProps) {
  const proposed = overruledProposal(decision);
  const lines = [
    { title: 'chosen', strategy: decision.strategy },
    ...(proposed === null ? [] : [{ title: 'proposed', strategy: proposed }]),
  ];
  return (
    <table className="facts">
      <thead>
        <tr>
          <th />
          <th className="number">p × m</th>
          <th className="number">TTFT</th>
          <th className="number">TPOT</th>
          <th className="number">
            <Term id="quality">quality</Term>
          </th>
          <th className="number">feasible</th>
        </tr>
      </thead>
      <tbody>
        {lines.map(({ title, strategy }) => {
          const cell = grid.find((one) => isSameStrategy(one, strategy));
          return (
            <tr key={title}>
              <th>{title}</th>
              <td className="number" aria-label={strategyText(strategy)}>
                {Math.round(strategy.promptLevel * 100)}×{strategy.modelLevel}
              </td>
              <td className="number">{cell === undefined ? UNKNOWN : formatMs(cell.ttftMs + waitedMs)}</td>
              <td className="number">{formatMs(cell?.tpotMs)}</td>
              <td className="number">{formatRatio(cell?.quality)}</td>
              <td className="number">{cell === undefined ? UNKNOWN : cell.feasible ? 'yes' : 'no'}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
