import type { DesktopState } from '../../core/desktop-state.ts';
import { isEmulated } from '../../core/device.ts';
import { formatCount } from '../format/units.ts';
import { useDesktop } from '../state/desktop-store.ts';
import { chosenDevice } from '../state/next-step.ts';
import { useShown } from '../state/shown-store.ts';
import { look, useView } from '../state/view-store.ts';
import { Hint } from '../widgets/term.tsx';

/** `9 of 9 ok`, or what is not. */
export function doctorSummary(checks: DesktopState['doctor']): {
  text: string;
  status: 'ok' | 'warning' | 'failed';
} {
  const count = (status: DesktopState['doctor'][number]['status']): number =>
    checks.filter((check) => check.status === status).length;
  const counted = checks.length - count('skipped');
  const failed = count('failed');
  const warnings = count('warning');
  if (checks.length === 0) return { text: 'not run yet', status: 'ok' };
  if (failed > 0) return { text: `${failed} of ${counted} failed`, status: 'failed' };
  if (warnings > 0) return { text: `${warnings} of ${counted} with a warning`, status: 'warning' };
  return { text: `${counted} of ${counted} ok`, status: 'ok' };
}

/** Where the figures on show come from, e.g. `virtual phone on this CPU`; null while nothing is chosen. */
function useOrigin(state: DesktopState | null): string | null {
  const past = useShown((shown) => shown.past);
  const serial = useView((view) => view.serial);
  if (past !== null) return past.environment.description;
  if (state === null) return null;
  const device = chosenDevice(state, { serial, bundleId: null });
  if (device === null) return null;
  return device.kind === 'virtual'
    ? state.environment?.phone === 'virtual'
      ? state.environment.description
      : `${isEmulated(device) ? 'emulated arm64 (qemu)' : 'virtual phone'} on this CPU`
    : (device.model ?? device.serial);
}

/** What ran each phase of the figures on show, and how that was chosen; null while nothing ran. */
function useProvider(state: DesktopState | null): { words: string; why: string } | null {
  const past = useShown((shown) => shown.past);
  const environment = past?.environment ?? state?.environment ?? null;
  if (environment === null || environment.provider === null) return null;
  const { provider, providerProof } = environment;
  return {
    words: provider,
    why: providerProof.length === 0 ? 'Not proved on the phone.' : providerProof.join('\n'),
  };
}

export function StatusBar({ state }: { readonly state: DesktopState | null }) {
  const events = useShown((shown) => shown.view.events);
  const dropped = useDesktop((desktop) => desktop.dropped);
  const origin = useOrigin(state);
  const provider = useProvider(state);
  const doctor = doctorSummary(state?.doctor ?? []);
  return (
    <footer className="status-bar">
      <button
        type="button"
        className={`status-item ${doctor.status}`}
        onClick={() => look({ tab: 'doctor' })}
      >
        doctor: {doctor.text}
      </button>
      <Hint text="Events taken in by the view on show.">
        <span className="status-item">events {formatCount(events)}</span>
      </Hint>
      <Hint text="Events that the services dropped because this window was too slow. The run’s folder has them all.">
        <span className={dropped > 0 ? 'status-item warning' : 'status-item'}>
          dropped {formatCount(dropped)}
        </span>
      </Hint>
      {state === null ? null : (
        <span className="status-item">
          adb {state.adb.host}:{state.adb.port}
          {state.adb.embedded ? ' (embedded)' : ''}
        </span>
      )}
      <span className="spacer" />
      {provider === null ? null : (
        <Hint text={provider.why}>
          <span className="status-item">runs on {provider.words}</span>
        </Hint>
      )}
      {origin === null ? null : (
        <span className="status-item origin" title={origin}>
          {origin}
        </span>
      )}
      {state === null ? null : <span className="status-item">Bungee {state.version}</span>}
    </footer>
  );
}
