import type { DesktopState } from '../../core/desktop-state.ts';
import { ADB_STATE_WORDS } from '../../core/device.ts';
import { formatDay, formatShare } from '../format/units.ts';
import { togglePause } from '../state/actions.ts';
import { showLive } from '../state/live-feed.ts';
import { chosenBundle, chosenDevice, deviceName } from '../state/next-step.ts';
import { useShown } from '../state/shown-store.ts';
import { setTheme, THEMES, useTheme } from '../state/theme.ts';
import { look, openDialog, useView } from '../state/view-store.ts';
import { Button, IconButton } from '../widgets/button.tsx';
import { Icon } from '../widgets/icon.tsx';
import { NextStepButton } from './next-step-button.tsx';

/** Phone, bundle, start: left to right, as they are done. */
export function TopBar({ state }: { readonly state: DesktopState | null }) {
  const run = state?.run ?? null;
  return (
    <header className="top-bar">
      <h1>Bungee</h1>
      {state === null ? null : <Choices state={state} />}
      <NextStepButton />
      <ModeSwitch />
      <span className="spacer" />
      {run === null ? null : (
        <span className="run-progress" role="status">
          {run.finished} of {run.sent} answered
        </span>
      )}
      <Button icon="commands" onClick={() => openDialog('palette')}>
        Commands
      </Button>
      <ThemeButton />
      <IconButton label="Keys and terms (?)" icon="help" onClick={() => openDialog('help')} />
    </header>
  );
}

function Choices({ state }: { readonly state: DesktopState }) {
  const serial = useView((view) => view.serial);
  const bundleId = useView((view) => view.bundleId);
  const device = chosenDevice(state, { serial, bundleId });
  const bundle = chosenBundle(state, { serial, bundleId });
  const fixed = state.run !== null;
  return (
    <>
      <label className="choice">
        <span>phone</span>
        <select
          value={device?.serial ?? ''}
          disabled={fixed || state.devices.length === 0}
          onChange={(event) => look({ serial: event.target.value })}
        >
          {state.devices.length === 0 ? <option value="">none</option> : null}
          {state.devices.map((one) => (
            <option key={one.serial} value={one.serial}>
              {deviceName(one)}
              {one.kind === 'virtual' ? ' (virtual)' : ''}
            </option>
          ))}
        </select>
      </label>
      {device === null ? null : (
        <span className="choice-state">
          <span className={`dot ${device.state === 'device' ? 'good' : 'bad'}`} aria-hidden="true" />
          {ADB_STATE_WORDS[device.state].words}
        </span>
      )}
      <label className="choice">
        <span>bundle</span>
        <select
          value={bundle?.id ?? ''}
          disabled={fixed || bundle === null}
          onChange={(event) => look({ bundleId: event.target.value })}
        >
          {bundle === null ? <option value="">none</option> : null}
          {state.bundles
            .filter(({ failure }) => failure === null)
            .map((one) => (
              <option key={one.id} value={one.id}>
                {one.name}
                {one.variant === null ? '' : ` ${one.variant}`}
              </option>
            ))}
        </select>
      </label>
    </>
  );
}

/** Live, held still, or a recorded run on show. */
function ModeSwitch() {
  const mode = useShown((shown) => shown.mode);
  const past = useShown((shown) => shown.past);
  if (past !== null)
    return (
      <span className="past-mode">
        <strong>Run of {formatDay(past.startedAt)}</strong>
        <span className="muted">
          {past.status}
          {past.summary === null ? '' : `, ${formatShare(past.summary.sloAttainment)} SLO attainment`}
        </span>
        <Button onClick={showLive}>Back to live</Button>
      </span>
    );
  return (
    <button
      type="button"
      className={`button mode ${mode}`}
      aria-pressed={mode === 'paused'}
      onClick={togglePause}
      title="Space"
    >
      {mode === 'live' ? <span className="dot live" aria-hidden="true" /> : <Icon name="pause" />}
      <span>{mode === 'live' ? 'Live' : 'Paused'}</span>
    </button>
  );
}

function ThemeButton() {
  const theme = useTheme((slice) => slice.theme);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'system';
  const icon = theme === 'system' ? 'system' : theme === 'light' ? 'sun' : 'moon';
  return (
    <IconButton label={`Theme: ${theme}. Change to ${next}`} icon={icon} onClick={() => setTheme(next)} />
  );
}
