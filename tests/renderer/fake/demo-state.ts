import { APPS } from '../../../core/app.ts';
import type { BundleRow, DesktopState, RunRow, Session } from '../../../core/desktop-state.ts';
import type { Device } from '../../../core/device.ts';
import { LEVELS } from '../../../core/level.ts';
import type { Environment } from '../../../core/run-record.ts';

export const TRACE = { kind: 'poisson', requestsPerMinute: 45, alpha: 0, durationS: null, seed: 42 } as const;

export const ENVIRONMENT: Environment = {
  phone: 'virtual',
  emulated: false,
  description: 'virtual phone on this CPU (x64, 2 cores)',
  cpu: 'made-up CPU',
  cores: 2,
  hostNode: 'v24.0.0',
  platform: 'linux-x64',
  agentNode: 'v24.0.0',
  agentPlatform: 'linux-x64',
  onnxruntime: '1.30.0',
  runtimePack: { name: 'host', why: 'the virtual phone runs this computer’s own Node' },
  provider: 'cpu',
  providerProof: ['cpu: chosen. It serves prefill and decode.', 'nnapi: not-in-library. It is not there.'],
  threads: 2,
  thermal: true,
  guardCorrection: true,
  bungee: '0.1.0',
};

export const PHONE: Device = {
  serial: 'virtual-1',
  state: 'device',
  kind: 'virtual',
  alias: null,
  model: 'Pixel 8',
  androidVersion: '15',
  sdk: 35,
  abi: 'arm64-v8a',
  soc: 'Tensor G3',
  freeBytes: 41.2e9,
  telemetry: {
    temperatureC: 34.2,
    skinC: 31,
    thermalStatus: 0,
    cpuCoolingState: 0,
    batteryPercent: 81,
    batteryC: 29,
    charging: true,
    batteryHeld: false,
    coreKhz: [1_402_000, 2_914_000],
    availableBytes: 3.1e9,
  },
  systemBuild: 'made-up/build',
  hardware: {
    cores: [0, 1].map((core) => ({ core, maxKhz: 2_914_000, governor: 'sched_pixel' })),
    memoryBytes: 7.9e9,
    pageBytes: 4096,
    nnapiDevices: ['google-edgetpu'],
    gpu: 'Mali-G715',
  },
};

export const LOCKED_PHONE: Device = {
  ...PHONE,
  serial: '8A2X0CLFM',
  state: 'unauthorized',
  kind: 'physical',
  model: null,
  androidVersion: null,
  abi: null,
  soc: null,
  freeBytes: null,
  telemetry: null,
  hardware: null,
};

export const BUNDLE: BundleRow = {
  id: 'smollm2-int8',
  path: 'bundles/smollm2-135m-int8',
  name: 'SmolLM2-135M-Instruct',
  variant: 'int8',
  sizeBytes: 151.3e6,
  levels: LEVELS.map((level) => ({
    level,
    decoderRatio: level / 100,
    totalRatio: 0.21 + 0.79 * (level / 100),
    perplexity: 18 + (100 - level) * 0.6,
  })),
  builtIn: false,
  failure: null,
};

export const SMALL_BUNDLE: BundleRow = {
  ...BUNDLE,
  id: 'small',
  path: 'bundles/small',
  name: 'Bungee small',
  variant: 'f32',
  sizeBytes: 3.4e6,
  builtIn: true,
};

export const BROKEN_BUNDLE: BundleRow = {
  ...BUNDLE,
  id: 'bundles/half-copied',
  path: 'bundles/half-copied',
  name: 'half-copied',
  variant: null,
  sizeBytes: 81e6,
  levels: [],
  failure: {
    code: 'bundle-truncated',
    message: 'weights.bin of bundles/half-copied has 81,002,496 bytes instead of 151,300,112.',
    remedy: 'Copy the bundle again.',
    detail: 'sha256 expected 9f31…c2, found 07aa…1e',
  },
};

export const READY_SESSION: Session = {
  serial: PHONE.serial,
  bundleId: BUNDLE.id,
  phase: 'ready',
  push: null,
  pushReport: { bytes: 151.3e6, seconds: 1.9, filesPushed: 4, filesSkipped: 7, bytesResumed: 0 },
  agent: { pid: 4242, port: 18080, startedAt: '2026-01-02T03:04:05.000Z' },
  baseUrl: 'http://127.0.0.1:40001',
  health: {
    apiVersion: 1,
    status: 'ready',
    failure: null,
    pid: 4242,
    startedAt: '2026-01-02T03:04:05.000Z',
    uptimeMs: 61_000,
    model: BUNDLE.name,
    bundleId: BUNDLE.id,
    variant: 'int8',
    threads: 2,
    runtime: {
      onnxruntime: '1.30.0',
      node: 'v24.0.0',
      provider: 'cpu',
      providers: { prefill: 'cpu', decode: 'cpu' },
      arch: 'x64',
    },
    segmentForm: 'zero-row',
    loadMs: 412,
    queueLength: 0,
    pinnedLevel: null,
    hasProfile: true,
    hasTlm: true,
  },
  profileProgress: null,
  profile: null,
  proof: null,
  pack: { name: 'host', why: 'the virtual phone runs this computer’s own Node' },
  instruction: null,
  restarts: 0,
  failure: null,
};

export const PUSHING_SESSION: Session = {
  ...READY_SESSION,
  phase: 'pushing',
  pushReport: null,
  agent: null,
  health: null,
  push: {
    phase: 'pushing',
    what: 'weights.bin',
    bytesTotal: 151.3e6,
    bytesDone: 62.7e6,
    filesTotal: 11,
    filesSkipped: 6,
    bytesPerSecond: 78.4e6,
    etaMs: 1130,
  },
};

export function pastRun(id: string, startedAt: string): RunRow {
  return {
    id,
    status: 'finished',
    startedAt,
    device: 'Pixel 8',
    virtual: true,
    bundle: BUNDLE.name,
    trace: TRACE,
    summary: null,
  };
}

/** A desktop with nothing to work with. */
export const EMPTY_STATE: DesktopState = {
  version: '0.1.0',
  host: 'web',
  adb: { host: '127.0.0.1', port: 5037, embedded: false, connected: true, failure: null },
  environment: null,
  devices: [],
  bundles: [],
  session: null,
  run: null,
  runs: [],
  slos: Object.fromEntries(APPS.map(({ id, slo }) => [id, slo])) as DesktopState['slos'],
  trace: TRACE,
  pinnedLevel: null,
  doctor: [],
};

export const IDLE_STATE: DesktopState = {
  ...EMPTY_STATE,
  environment: ENVIRONMENT,
  devices: [PHONE],
  bundles: [BUNDLE, SMALL_BUNDLE],
  doctor: [
    { id: 'node', title: 'Node', status: 'ok', text: 'v24.0.0', remedy: null },
    { id: 'adb', title: 'adb', status: 'ok', text: 'answers at 127.0.0.1:5037, version 41', remedy: null },
    { id: 'disk', title: 'Disk', status: 'ok', text: '120 GB free', remedy: null },
  ],
};

export const ERROR_STATE: DesktopState = {
  ...IDLE_STATE,
  adb: {
    ...IDLE_STATE.adb,
    connected: false,
    failure: 'connect ECONNREFUSED 127.0.0.1:5037',
  },
  devices: [LOCKED_PHONE, { ...PHONE, state: 'offline', telemetry: null }],
  bundles: [BROKEN_BUNDLE, BUNDLE],
  session: {
    ...READY_SESSION,
    phase: 'failed',
    agent: null,
    health: null,
    failure: {
      code: 'agent-crashed',
      message: 'The agent on Pixel 8 ended 3 times within a minute (exit code 134).',
      remedy: 'Free some memory on the phone, or take the 4-bit bundle.',
      detail: 'libc++abi: terminating\nort: Failed to allocate memory for requested buffer of size 151300112',
    },
  },
  doctor: [
    { id: 'node', title: 'Node', status: 'ok', text: 'v24.0.0', remedy: null },
    {
      id: 'adb',
      title: 'adb',
      status: 'failed',
      text: 'nothing answers at 127.0.0.1:5037',
      remedy: 'Run `adb start-server`.',
    },
    {
      id: 'udev',
      title: 'USB rules',
      status: 'warning',
      text: 'no rule for Google phones',
      remedy: 'Install android-sdk-platform-tools-common.',
    },
  ],
};
