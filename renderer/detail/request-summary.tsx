import { Fragment } from 'react';
import { formatSlo } from '../../core/slo.ts';
import type { Decision } from '../../core/strategy.ts';
import { formatCount, formatMs, UNKNOWN } from '../format/units.ts';
import { correctionText, decisionText, keptText } from '../format/decision.ts';
import { interventionsOf, interventionText } from '../format/intervention.ts';
import { missReason } from '../format/verdict.ts';
import type { RequestRow } from '../live/request-row.ts';
import { Term } from '../widgets/term.tsx';

function service(row: RequestRow): number | null {
  return row.ttftMs === null || row.queueMs === null ? null : row.ttftMs - row.queueMs;
}

/** What was decided for a request, what that predicted and what came of it, and the whole text. */
export function RequestSummary({ row }: { readonly row: RequestRow }) {
  const { decision } = row;
  const reason = missReason(row);
  const predicted = decision?.predicted ?? null;
  const limits = decision?.limits ?? null;
  const feasible = decision?.feasible ?? null;
  return (
    <div className="summary">
      <div className="detail-facts">
        <table className="facts">
          <thead>
            <tr>
              <th />
              <th className="number">measured</th>
              <th className="number">predicted</th>
              <th className="number">SLO</th>
              <th className="number">full model</th>
            </tr>
          </thead>
          <tbody>
            <tr>
              <th>
                <Term id="ttft">TTFT</Term>
              </th>
              <td className={row.report?.sloHit.ttft === false ? 'number missed' : 'number'}>
                {formatMs(row.ttftMs)}
              </td>
              <td className="number">
                {predicted === null ? UNKNOWN : formatMs(predicted.ttftMs + (row.queueMs ?? 0))}
              </td>
              <td className="number">{formatMs(limits?.ttftMs)}</td>
              <td className="number">{formatMs(decision?.reference?.ttftMs)}</td>
            </tr>
            <tr className="sub">
              <th>waiting</th>
              <td className="number">{formatMs(row.queueMs)}</td>
              <td className="number" />
              <td className="number" />
              <td className="number" />
            </tr>
            <tr className="sub">
              <th>service</th>
              <td className="number">{formatMs(service(row))}</td>
              <td className="number">{formatMs(predicted?.ttftMs)}</td>
              <td className="number" />
              <td className="number" />
            </tr>
            <tr>
              <th>
                <Term id="tpot">TPOT</Term>
              </th>
              <td className={row.report?.sloHit.tpot === false ? 'number missed' : 'number'}>
                {formatMs(row.tpotMs)}
              </td>
              <td className="number">{formatMs(predicted?.tpotMs)}</td>
              <td className="number">{formatMs(limits?.tpotMs)}</td>
              <td className="number">{formatMs(decision?.reference?.tpotMs)}</td>
            </tr>
          </tbody>
        </table>
        <dl className="pairs">
          <dt>Decision</dt>
          <dd>{decision === null ? 'not yet' : decisionText(decision)}</dd>
          {decision === null ? null : <DecisionPairs decision={decision} />}
          {interventionsOf(row)
            .filter((kind) => kind === 'lowered')
            .map((kind) => (
              <Fragment key={kind}>
                <dt>Lowered</dt>
                <dd>{interventionText(kind, row)}</dd>
              </Fragment>
            ))}
          <dt>
            <Term id="feasible">Feasible</Term>
          </dt>
          <dd>{feasible === null ? 'not known' : feasible ? 'yes' : 'no'}</dd>
          <dt>SLO</dt>
          <dd>{row.slo === null ? 'none' : formatSlo(row.slo)}</dd>
          <dt>Tokens</dt>
          <dd>
            {formatCount(row.promptTokens)} in, {formatCount(row.tokens)} out
            {row.finishReason === null ? '' : `, ended by ${row.finishReason}`}
          </dd>
          <dt>
            <Term id="itl">ITL</Term>
          </dt>
          <dd>
            {row.itl === null
              ? UNKNOWN
              : `p50 ${formatMs(row.itl.p50)}, p99 ${formatMs(row.itl.p99)}, max ${formatMs(row.itl.max)}`}
          </dd>
          <dt>
            <Term id="e2el">E2EL</Term>
          </dt>
          <dd>{formatMs(row.e2elMs)}</dd>
          <dt>Id</dt>
          <dd className="selectable">{row.id}</dd>
        </dl>
      </div>
      <div className="detail-text">
        {reason === null ? null : <p className={row.hit === false ? 'reason' : 'muted'}>{reason}</p>}
        <pre className="selectable" tabIndex={0} aria-label="Generated text">
          {row.text === '' ? 'No token yet.' : row.text}
        </pre>
      </div>
    </div>
  );
}

/** What the TLM and the guard had to do with it; nothing where neither was at work. */
function DecisionPairs({ decision }: { readonly decision: Decision }) {
  const { tlm, correction } = decision;
  const kept = keptText(decision);
  const drifted = correction.ttft !== 1 || correction.tpot !== 1;
  return (
    <>
      {kept === null || tlm === null ? null : (
        <>
          <dt>
            <Term id="promptLevel">Prompt</Term>
          </dt>
          <dd>{kept}</dd>
        </>
      )}
      {tlm === null ? null : (
        <>
          <dt>
            <Term id="tlm">TLM</Term>
          </dt>
          <dd>{formatMs(tlm.ms)}, inside of TTFT</dd>
        </>
      )}
      {drifted ? (
        <>
          <dt>
            <Term id="correction">Phone</Term>
          </dt>
          <dd>{correctionText(correction)}</dd>
        </>
      ) : null}
    </>
  );
}
