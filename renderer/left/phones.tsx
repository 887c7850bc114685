import { ADB_STATE_WORDS, isEmulated, type Device } from '../../core/device.ts';
import type { DesktopState } from '../../core/desktop-state.ts';
import { formatBytes, formatCelsius, formatGigahertz } from '../format/units.ts';
import { runDoctor } from '../state/actions.ts';
import { chosenDevice, deviceName } from '../state/next-step.ts';
import { look, openDialog, useView } from '../state/view-store.ts';
import { Button, IconButton } from '../widgets/button.tsx';
import { FailureNote } from '../widgets/failure-note.tsx';
import { SessionProgress } from './session-progress.tsx';

export function Phones({ state }: { readonly state: DesktopState }) {
  const serial = useView((view) => view.serial);
  const chosen = chosenDevice(state, { serial, bundleId: null });
  return (
    <section className="panel" aria-label="Phones">
      <header className="panel-title">
        <h2>Phones</h2>
        <IconButton label="Connect a phone by address" icon="plus" onClick={() => openDialog('connect')} />
      </header>
      {state.adb.connected ? null : (
        <FailureNote
          failure={{
            code: 'adb-down',
            message: `adb at ${state.adb.host}:${state.adb.port} does not answer.`,
            remedy: 'Bungee keeps trying.',
            detail: state.adb.failure ?? undefined,
          }}
        >
          <Button onClick={() => void runDoctor()}>Doctor</Button>
        </FailureNote>
      )}
      {state.devices.length === 0 ? (
        <div className="panel-empty">
          <p>No phone yet. Plug one in with USB debugging on, or connect one by its address.</p>
          <Button icon="plus" onClick={() => openDialog('connect')}>
            Connect
          </Button>
        </div>
      ) : null}
      <ul className="rows" role="radiogroup" aria-label="Phone in use">
        {state.devices.map((device) => (
          <PhoneRow key={device.serial} device={device} state={state} chosen={device === chosen} />
        ))}
      </ul>
    </section>
  );
}

interface PhoneRowProps {
  readonly device: Device;
  readonly state: DesktopState;
  readonly chosen: boolean;
}

function PhoneRow({ device, state, chosen }: PhoneRowProps) {
  const { words, remedy } = ADB_STATE_WORDS[device.state];
  const session = state.session?.serial === device.serial ? state.session : null;
  return (
    <li className={chosen ? 'row chosen' : 'row'}>
      <div className="row-line">
        <button
          type="button"
          role="radio"
          aria-checked={chosen}
          className="row-main"
          onClick={() => look({ serial: device.serial })}
        >
          <span className={`dot ${device.state === 'device' ? 'good' : 'bad'}`} aria-hidden="true" />
          <span className="row-name">{deviceName(device)}</span>
          {device.kind === 'virtual' ? (
            <span className="tag">{isEmulated(device) ? 'emulated' : 'virtual'}</span>
          ) : null}
          {remedy === null ? <span className="row-state">{words}</span> : null}
        </button>
        <IconButton
          label={`Rename ${deviceName(device)}`}
          icon="pencil"
          onClick={() => openDialog('alias', device.serial)}
        />
      </div>
      {remedy === null ? null : (
        <p className="remedy">
          <strong>{words}</strong>. {remedy}
        </p>
      )}
      {chosen ? <p className="row-facts">{phoneFacts(device)}</p> : null}
      {session === null ? null : <SessionProgress session={session} />}
    </li>
  );
}

/** What is known of a phone, in one line; what is not is left out. */
function phoneFacts(device: Device): string {
  const { temperatureC = null, batteryPercent = null, charging = null } = device.telemetry ?? {};
  const known = [
    device.androidVersion === null ? null : `Android ${device.androidVersion}`,
    device.abi,
    device.soc,
    coreFacts(device),
    device.hardware?.gpu ?? null,
    nnapiFacts(device),
    memoryFacts(device),
    device.freeBytes === null ? null : `${formatBytes(device.freeBytes)} free`,
    temperatureC === null ? null : formatCelsius(temperatureC),
    batteryPercent === null ? null : `battery ${batteryPercent} %${charging === true ? ', charging' : ''}`,
    device.serial,
  ];
  return known.filter((fact) => fact !== null).join(' · ');
}

/** `8 cores, 0.61 to 2.91 GHz now`. */
function coreFacts({ hardware, telemetry }: Device): string | null {
  const count = hardware?.cores.length ?? 0;
  if (count === 0) return null;
  const khz = telemetry?.coreKhz ?? [];
  if (khz.length === 0) return `${count} cores`;
  const [slowest, fastest] = [Math.min(...khz), Math.max(...khz)].map(formatGigahertz);
  return `${count} cores, ${slowest === fastest ? slowest : `${slowest} to ${fastest}`} now`;
}

function nnapiFacts({ hardware }: Device): string | null {
  const devices = hardware?.nnapiDevices ?? null;
  if (devices === null) return null;
  return devices.length === 0 ? 'no NNAPI device' : `NNAPI devices: ${devices.join(', ')}`;
}

function memoryFacts({ hardware, telemetry }: Device): string | null {
  const available = telemetry?.availableBytes ?? null;
  if (available === null) return null;
  const total = hardware?.memoryBytes ?? null;
  return `${formatBytes(available)}${total === null ? '' : ` of ${formatBytes(total)}`} memory available`;
}
