import { mkdir } from 'node:fs/promises';
import type { DesktopState, DoctorCheck } from '../../core/desktop-state.ts';
import { describeFailure, fail, ok, type Failure, type Result } from '../../core/result.ts';
import type { LiveEvent } from '../../core/run-record.ts';
import type { Level } from '../../core/level.ts';
import { reachAdbServer } from '../adb/adb-server.ts';
import { createAdbkitLink } from '../adb/adbkit-link.ts';
import type { PhoneLink } from '../adb/phone-link.ts';
import type { AgentClient } from '../agent/agent-client.ts';
import { openTokenStore } from '../agent/token-store.ts';
import { type AliasStore, openAliasStore } from '../devices/alias-store.ts';
import { DeviceWatcher } from '../devices/device-watcher.ts';
import { errorMessage } from '../files/atomic-file.ts';
import { openHashCache } from '../files/hash-cache.ts';
import { openRuntimePacks, type RuntimePacks } from '../packs/runtime-packs.ts';
import { RunStore } from '../runs/run-store.ts';
import { type CatalogEntry, listBundles } from './bundle-catalog.ts';
import { describeEnvironment } from './environment.ts';
import type { DesktopOptions } from './options.ts';
import { openProfileStore } from './profile-store.ts';
import { RunService } from './run-service.ts';
import type { LocalBundle } from './session-deps.ts';
import { SessionService } from './session-service.ts';
import { openSettings, type Settings } from './settings.ts';
import { statePaths } from './state-paths.ts';
import { UpdateHub } from './update-hub.ts';

/** The parts of the desktop, wired to each other; commands act on them. */
export interface DesktopCore {
  readonly options: DesktopOptions;
  readonly link: PhoneLink;
  readonly packs: RuntimePacks;
  readonly aliases: AliasStore;
  readonly settings: Settings;
  readonly watcher: DeviceWatcher;
  readonly sessions: SessionService;
  readonly runs: RunService;
  readonly runStore: RunStore;
  readonly hub: UpdateHub;
  /** What commands change by themselves. */
  readonly shown: { pinnedLevel: Level | null; doctor: DoctorCheck[] };
  state(): DesktopState;
  bundles(): readonly CatalogEntry[];
  refreshBundles(): Promise<void>;
  publish(event: LiveEvent): void;
  changed(): void;
  close(): Promise<void>;
}

/** Opens the state folder, reaches adb and starts to watch phones. */
export async function openDesktopCore(options: DesktopOptions): Promise<Result<DesktopCore>> {
  const paths = statePaths(options.stateDir);
  try {
    await mkdir(options.stateDir, { recursive: true });
  } catch (error) {
    return fail(
      'state-unwritable',
      `${options.stateDir} can't be made: ${errorMessage(error)}.`,
      'Set BUNGEE_STATE to a folder that you may write.',
    );
  }
  const aliases = await openAliasStore(paths.aliases);
  if (!aliases.ok) return aliases;
  const settings = await openSettings(paths.settings);
  const hashes = await openHashCache(paths.hashes);
  const tokens = await openTokenStore(paths.tokens);
  const runStore = new RunStore(paths.runs);
  const packs = openRuntimePacks(options);
  const link = createAdbkitLink(options.adb.host, options.adb.port);
  const shown: DesktopCore['shown'] = { pinnedLevel: null, doctor: [] };
  let catalog: readonly CatalogEntry[] = [];
  let adb: { connected: boolean; failure: string | null } = { connected: false, failure: null };

  const changed = (): void => hub.stateChanged();
  const publish = (event: LiveEvent): void => {
    runs.record(event);
    hub.live(event);
  };
  const note = (severity: 'info' | 'warning' | 'error', text: string): void =>
    publish({ kind: 'note', hostAtMs: Date.now(), severity, text });
  const known = (): LocalBundle[] =>
    catalog.flatMap(({ row, manifest }) => (manifest === null ? [] : [{ path: row.path, manifest }]));

  const hereBefore = new Set<string>();
  /** Tells the session when its phone comes or goes; a phone that comes may hold an agent of ours. */
  const onDevices = (): void => {
    for (const { serial, state } of watcher.list()) {
      const isHere = state === 'device';
      if (isHere === hereBefore.has(serial)) continue;
      if (isHere) hereBefore.add(serial);
      else hereBefore.delete(serial);
      sessions.phoneChanged(serial, isHere);
      if (isHere && sessions.session === null)
        adopting = adopting.then(() => adopt(serial)).catch(() => undefined);
    }
    changed();
  };
  let adopting: Promise<unknown> = Promise.resolve();
  const adopt = async (serial: string): Promise<void> => {
    if (await sessions.adopt(serial, known()))
      note('info', `The agent on ${serial} was still running; taken up again.`);
  };

  const watcher = new DeviceWatcher({
    link,
    aliases: aliases.value,
    ensureServer: async () => {
      const { host, port, embedded } = options.adb;
      const server = await reachAdbServer({ host, port, mayStart: !embedded });
      if (!server.ok) return server.failure;
      if (server.value.startedBy !== null)
        note('info', `Started the adb server with ${server.value.startedBy}.`);
      return null;
    },
    onChange: onDevices,
    onTelemetry: (serial, telemetry) => publish({ kind: 'device', hostAtMs: Date.now(), serial, telemetry }),
    onConnection: (connected, failure: Failure | null) => {
      adb = { connected, failure: failure === null ? null : describeFailure(failure) };
      // A restarted adb server has forgotten its TCP phones.
      if (connected && options.connect !== null) void link.connect(options.connect);
      changed();
    },
  });
  const sessions: SessionService = new SessionService({
    link,
    device: (serial) => watcher.get(serial),
    tokens,
    hashes,
    packs,
    profiles: openProfileStore(paths.profiles),
    options,
    onChange: changed,
    onEvent: (event) => {
      if (event.type === 'level-pinned') shown.pinnedLevel = event.level;
      publish({ kind: 'agent', hostAtMs: Date.now(), event });
    },
    // A restarted agent does not know what was pinned.
    onReady: (client: AgentClient) => {
      if (shown.pinnedLevel !== null) void client.pinLevel(shown.pinnedLevel);
    },
    onNote: note,
  });
  const runs: RunService = new RunService({
    store: runStore,
    client: () => sessions.client(),
    slo: (app) => settings.slos[app],
    publish,
    onChange: () => {
      const serial = sessions.session?.serial;
      if (serial !== undefined) watcher.setBusy(serial, runs.active !== null);
      changed();
    },
  });
  const state = (): DesktopState => {
    const { session } = sessions;
    const device = session === null ? undefined : watcher.get(session.serial);
    return {
      version: options.version,
      host: options.host,
      adb: { host: options.adb.host, port: options.adb.port, embedded: options.adb.embedded, ...adb },
      environment:
        session === null || device === undefined
          ? null
          : describeEnvironment(device, session.health, session.proof, {
              ...options,
              runtimePack: session.pack,
            }),
      devices: [...watcher.list()],
      bundles: catalog.map(({ row }) => row),
      session,
      run: runs.active,
      runs: [...runs.rows],
      slos: settings.slos,
      trace: settings.trace,
      pinnedLevel: shown.pinnedLevel,
      doctor: shown.doctor,
    };
  };
  const hub = new UpdateHub(state);
  const refreshBundles = async (): Promise<void> => {
    const added = settings.bundles.map((path) => ({ path, builtIn: false }));
    catalog = await listBundles([...options.bundleDirs, ...added]);
    changed();
  };
  await runs.load();
  await refreshBundles();
  await watcher.start();

  return ok({
    options,
    link,
    packs,
    aliases: aliases.value,
    settings,
    watcher,
    sessions,
    runs,
    runStore,
    hub,
    shown,
    state,
    bundles: () => catalog,
    refreshBundles,
    publish,
    changed,
    close: async () => {
      if (runs.active !== null) await runs.stop('Bungee was closed during the run.');
      watcher.stop();
      await adopting;
      await sessions.close();
      // A phone that was joined for this desktop would stay in the user's server as `offline`.
      if (options.connect !== null) await link.disconnect(options.connect);
      await settings.saved();
      hub.close();
    },
  });
}
