import { memo, useMemo } from 'react';
import { cellText } from '../format/decision.ts';
import { formatShare } from '../format/units.ts';
import { HintField } from '../widgets/hint-field.tsx';
import { heatRows, type HeatCell, type HeatInput } from './heat-cells.ts';

const METRIC_WORDS = {
  quality: 'quality',
  ttft: 'predicted TTFT over its bound',
  tpot: 'predicted TPOT over its bound',
} as const;

/**
 * Every strategy of a request as a table, prompt level by level: colour and number show the metric; the feasible
 * region is outlined, the rest hatched.
 */
export const HeatMap = memo(function HeatMap(input: HeatInput) {
  const { decision, waitedMs, metric } = input;
  const rows = useMemo(() => heatRows(input), [input.grid, decision, waitedMs, metric]);
  const cells = rows.flatMap((row) => row.cells);
  const textOf = (item: number): string => {
    const found = cells[item];
    if (found === undefined) return '';
    return cellText(found.cell, {
      limits: decision.limits,
      waitedMs,
      chosen: found.chosen,
      proposed: found.proposed,
    });
  };
  const columns = rows[0]?.cells ?? [];
  return (
    <HintField
      className="heat"
      label={`Strategies: ${METRIC_WORDS[metric]} by prompt level and level. Arrow keys go from cell to cell.`}
      textOf={textOf}
    >
      <table className={rows.length === 1 ? 'heat-map single' : 'heat-map'}>
        <tbody>
          {rows.map(({ promptLevel, cells: row }, y) => (
            <tr key={promptLevel}>
              <th scope="row">{formatShare(promptLevel)}</th>
              {row.map((one, x) => (
                <td
                  key={one.cell.modelLevel}
                  className={cellClass(one)}
                  data-hint={y * columns.length + x}
                  tabIndex={-1}
                >
                  {one.text}
                  <span className="for-readers">{roleWords(one)}</span>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row" className="heat-corner">
              p \ m
            </th>
            {columns.map(({ cell }) => (
              <th key={cell.modelLevel} scope="col">
                {formatShare(cell.modelLevel / 100)}
              </th>
            ))}
          </tr>
        </tfoot>
      </table>
    </HintField>
  );
});

function cellClass({ step, cell, chosen, proposed, edges }: HeatCell): string {
  return [
    'heat-cell',
    step === null ? 'heat-none' : `heat-${step}`,
    cell.feasible ? null : 'infeasible',
    chosen ? 'chosen' : null,
    proposed ? 'proposed' : null,
    ...edges.map((edge) => `edge-${edge}`),
  ]
    .filter(Boolean)
    .join(' ');
}

function roleWords({ cell, chosen, proposed }: HeatCell): string {
  const words = [cell.feasible ? 'feasible' : 'not feasible'];
  if (chosen) words.push('chosen');
  if (proposed) words.push('proposed by the TLM');
  return ` ${words.join(', ')}`;
}
