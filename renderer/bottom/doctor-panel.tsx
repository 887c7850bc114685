import type { DoctorCheck } from '../../core/desktop-state.ts';
import { runDoctor } from '../state/actions.ts';
import { useDesktop } from '../state/desktop-store.ts';
import { Button } from '../widgets/button.tsx';

const STATUS_WORDS: Readonly<Record<DoctorCheck['status'], string>> = {
  ok: 'ok',
  warning: 'warning',
  failed: 'failed',
  skipped: 'skipped',
};

/** What must be right on this computer and phone, each with its remedy. */
export function DoctorPanel() {
  const checks = useDesktop(({ state }) => state?.doctor) ?? [];
  return (
    <div className="pane">
      <div className="pane-bar">
        <Button icon="refresh" onClick={() => void runDoctor()}>
          Check again
        </Button>
      </div>
      {checks.length === 0 ? (
        <p className="panel-empty">Nothing has been checked yet.</p>
      ) : (
        <table className="checks">
          <tbody>
            {checks.map((check) => (
              <tr key={check.id}>
                <td className={`check-status ${check.status}`}>{STATUS_WORDS[check.status]}</td>
                <th>{check.title}</th>
                <td className="selectable">
                  {check.text}
                  {check.remedy === null ? null : <span className="remedy"> {check.remedy}</span>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}
