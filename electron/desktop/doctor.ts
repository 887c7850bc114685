import { mkdir, writeFile, rm, stat } from 'node:fs/promises';
import * as fs from 'node:fs';
import { join } from 'node:path';
import type { DesktopState, DoctorCheck } from '../../core/desktop-state.ts';
import { ADB_STATE_WORDS, type Device } from '../../core/device.ts';
import type { Simulation } from '../../core/provider-proof.ts';
import { adbVersionText, findAdb } from '../adb/adb-server.ts';
import type { PhoneLink } from '../adb/phone-link.ts';
import { agentChecks, type AgentDoctorDeps } from '../doctor/agent-checks.ts';
import { checkOf, failedFinding, type Finding } from '../doctor/finding.ts';
import { checkRuntimePack } from '../doctor/pack-check.ts';
import { phoneChecks } from '../doctor/phone-checks.ts';
import { errorMessage } from '../files/atomic-file.ts';
import type { RuntimePacks } from '../packs/runtime-packs.ts';
import type { DesktopOptions } from './options.ts';

export interface DoctorDeps extends AgentDoctorDeps {
  readonly link: PhoneLink;
  readonly options: DesktopOptions;
  readonly packs: RuntimePacks;
  readonly devices: () => readonly Device[];
  /** Reads a ready phone's hardware and telemetry once more. */
  readonly refresh: (serial: string) => Promise<void>;
  readonly bundles: () => DesktopState['bundles'];
}

/** Below this the phone's storage is called short: a bundle and the agent take about this much. */
const ENOUGH_PHONE_BYTES = 600 * 1024 * 1024;
const ENOUGH_DISK_BYTES = 500 * 1024 * 1024;

/**
 * The checks, each as it finishes; none changes anything.
 *
 * @param inject a made-up case of the phone's providers, labelled as simulated.
 */
export async function* doctorChecks(
  deps: DoctorDeps,
  inject: Simulation | null = null,
): AsyncGenerator<DoctorCheck> {
  yield checkOf('adb-server', 'adb server', await checkServer(deps));
  yield checkOf('adb-version', 'adb', await checkAdb(deps));
  const devices = deps.devices().filter((device) => device.state !== 'gone');
  yield checkOf('devices', 'Phones', checkDevices(devices));
  for (const device of devices) {
    const name = device.alias ?? device.serial;
    yield checkOf(`authorised:${device.serial}`, `Access to ${name}`, checkAuthorised(device));
    if (device.state !== 'device') continue;
    yield checkOf(`space:${device.serial}`, `Free space on ${name}`, checkPhoneSpace(device));
    yield checkOf(`pack:${device.serial}`, `Runtime pack for ${name}`, await checkRuntimePack(deps, device));
    await deps.refresh(device.serial);
    yield* phoneChecks(deps.devices().find(({ serial }) => serial === device.serial) ?? device);
  }
  yield* agentChecks(deps, inject);
  yield checkOf('agent-files', 'Agent', await checkAgentFiles(deps));
  yield checkOf('bundles', 'Bundles', checkBundles(deps.bundles()));
  yield checkOf('disk', 'Disk for runs', await checkDisk(deps.options.stateDir));
}

async function checkServer({ link, options }: DoctorDeps): Promise<Finding> {
  const version = await link.serverVersion();
  if (!version.ok) return failedFinding(version);
  const whose = options.adb.embedded ? 'built in, of the virtual phone' : 'yours; Bungee never ends it';
  return { status: 'ok', text: `${link.host}:${link.port}, protocol ${version.value} (${whose})` };
}

async function checkAdb({ options }: DoctorDeps): Promise<Finding> {
  const binary = await findAdb();
  if (binary === null)
    return options.adb.embedded
      ? { status: 'skipped', text: 'not installed; the virtual phone does not need it' }
      : {
          status: 'warning',
          text: 'not on PATH nor in ANDROID_HOME',
          remedy: 'Install Android platform-tools.',
        };
  const version = await adbVersionText(binary);
  return version.ok ? { status: 'ok', text: `${version.value} (${binary})` } : failedFinding(version);
}

function checkDevices(devices: readonly Device[]): Finding {
  return devices.length === 0
    ? {
        status: 'warning',
        text: 'none',
        remedy:
          'Switch on USB debugging and plug a phone in, or take the virtual one: `npm start -- --phone virtual`.',
      }
    : {
        status: 'ok',
        text: devices.map((d) => `${d.serial}${d.kind === 'virtual' ? ' (virtual)' : ''}`).join(', '),
      };
}

function checkAuthorised({ state }: Device): Finding {
  const { words, remedy } = ADB_STATE_WORDS[state];
  return remedy === null ? { status: 'ok', text: words } : { status: 'failed', text: words, remedy };
}

function checkPhoneSpace({ freeBytes }: Device): Finding {
  if (freeBytes === null) return { status: 'warning', text: 'the phone does not tell' };
  const text = `${(freeBytes / 1e9).toFixed(1)} GB free`;
  return freeBytes >= ENOUGH_PHONE_BYTES
    ? { status: 'ok', text }
    : { status: 'warning', text, remedy: 'Free some space; a bundle and the agent take up to 0.6 GB.' };
}

async function checkAgentFiles({ options }: DoctorDeps): Promise<Finding> {
  for (const name of ['agent.mjs', 'engine-worker.mjs'])
    if (!(await exists(join(options.agentDir, name))))
      return {
        status: 'failed',
        text: `${join(options.agentDir, name)} is missing`,
        remedy: 'Run `npm start`; it builds.',
      };
  return { status: 'ok', text: options.agentDir };
}

function checkBundles(bundles: DesktopState['bundles']): Finding {
  const damaged = bundles.find((bundle) => bundle.failure !== null);
  if (damaged?.failure !== undefined && damaged.failure !== null)
    return { status: 'warning', text: damaged.failure.message, remedy: damaged.failure.remedy };
  return bundles.length === 0
    ? { status: 'failed', text: 'none', remedy: 'Make one: `npm run elasticize`.' }
    : { status: 'ok', text: bundles.map((bundle) => bundle.name).join(', ') };
}

async function checkDisk(stateDir: string): Promise<Finding> {
  const probe = join(stateDir, '.doctor');
  try {
    await mkdir(stateDir, { recursive: true });
    await writeFile(probe, 'x');
    await rm(probe);
  } catch (error) {
    return {
      status: 'failed',
      text: `${stateDir} can't be written: ${errorMessage(error)}`,
      remedy: 'Free some space, or set BUNGEE_STATE to another folder.',
    };
  }
  // Older Electrons run a Node without statfs.
  const statfs: typeof fs.promises.statfs | undefined = fs.promises.statfs;
  if (statfs === undefined) return { status: 'ok', text: stateDir };
  const { bavail, bsize } = await statfs(stateDir);
  const text = `${((bavail * bsize) / 1e9).toFixed(1)} GB free in ${stateDir}`;
  return bavail * bsize >= ENOUGH_DISK_BYTES
    ? { status: 'ok', text }
    : { status: 'warning', text, remedy: 'Delete old runs.' };
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
