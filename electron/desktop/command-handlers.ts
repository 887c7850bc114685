import { resolve } from 'node:path';
import type { CommandName, CommandResponses, ParsedCommandRequest } from '../../core/desktop-contract.ts';
import type { Simulation } from '../../core/provider-proof.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { exportCsv, exportJson } from '../runs/run-export.ts';
import { readBundle } from './bundle-catalog.ts';
import type { DesktopCore } from './desktop-core.ts';
import { doctorChecks } from './doctor.ts';
import type { RunContext } from './run-service.ts';
import { notReady } from './session-state.ts';

export type CommandHandlers = {
  readonly [C in CommandName]: (request: ParsedCommandRequest<C>) => Promise<Result<CommandResponses[C]>>;
};

/** What each command of the contract does. */
export function createCommandHandlers(core: DesktopCore): CommandHandlers {
  const { sessions, runs, runStore, settings, shown } = core;
  return {
    state: async () => ok(core.state()),
    'device.connect': async ({ address }) => {
      const connected = await core.link.connect(address);
      return connected.ok ? ok({ serial: connected.value }) : connected;
    },
    'device.alias': async ({ serial, alias }) => {
      const kept = await core.aliases.set(serial, alias);
      core.watcher.refreshAlias(serial);
      return kept;
    },
    'bundle.add': async ({ path }) => {
      const folder = resolve(path);
      const bundle = await readBundle(folder);
      if (!bundle.ok) return bundle;
      settings.addBundle(folder);
      await core.refreshBundles();
      return ok({ bundleId: bundle.value.bundleId });
    },
    'session.start': async ({ serial, bundleId, profile }) => {
      if (runs.active !== null) return fail('run-active', 'A run is on.', 'Stop it first.');
      const entry = core.bundles().find(({ row }) => row.id === bundleId);
      if (entry === undefined)
        return fail('bundle-unknown', `There is no bundle ${bundleId}.`, 'Add its folder first.');
      if (entry.manifest === null)
        return {
          ok: false,
          failure: entry.row.failure ?? { code: 'bundle-corrupt', message: 'It is damaged.' },
        };
      const bundle = { path: entry.row.path, manifest: entry.manifest };
      const started = await sessions.start(serial, bundle, profile);
      await core.watcher.refreshFreeSpace(serial);
      return started;
    },
    'session.stop': async () => {
      if (runs.active !== null) await runs.stop();
      await sessions.stop();
      return ok(null);
    },
    'run.start': async ({ trace }) => {
      const context = runContext(core);
      if (!context.ok) return context;
      // What a command runs once is not what the window offers next.
      if (core.options.host !== 'headless') settings.setTrace(trace);
      return runs.start(trace, context.value);
    },
    'run.stop': () => runs.stop(),
    'run.load': async ({ requestsPerMinute }) => {
      settings.setTrace({ ...settings.trace, requestsPerMinute });
      runs.setLoad(requestsPerMinute);
      core.changed();
      return ok(null);
    },
    'run.read': ({ id }) => runStore.read(id),
    'run.export': async ({ id, format }) => {
      const read = await runStore.read(id);
      if (!read.ok) return read;
      const { run, events } = read.value;
      return ok(format === 'csv' ? exportCsv(run, events) : exportJson(run, events));
    },
    'run.delete': async ({ id }) => {
      if (runs.active?.id === id) return fail('run-active', 'This run is on.', 'Stop it first.');
      const deleted = await runStore.delete(id);
      await runs.refresh();
      return deleted;
    },
    'level.pin': async ({ level }) => {
      const client = sessions.client();
      if (client === null) return notReady(sessions.session);
      const pinned = await client.pinLevel(level);
      if (!pinned.ok) return pinned;
      shown.pinnedLevel = level;
      core.publish({ kind: 'level-pinned', hostAtMs: Date.now(), level });
      core.changed();
      return ok(null);
    },
    'slo.set': async ({ app, slo }) => {
      settings.setSlo(app, slo);
      core.publish({ kind: 'slo-changed', hostAtMs: Date.now(), app, slo });
      core.changed();
      return ok(null);
    },
    'profile.measure': async ({ mode }) => {
      if (runs.active !== null)
        return fail('run-active', 'A run is on.', 'Stop it first: it would disturb the profile.');
      return sessions.measureProfile(mode);
    },
    'agent.log': async ({ lines }) => {
      const log = await sessions.log(lines);
      return log.ok ? ok({ lines: log.value }) : log;
    },
    'doctor.run': async ({ inject }) => {
      shown.doctor = [];
      const { link, options, packs, watcher } = core;
      const deps = {
        link,
        options,
        packs,
        devices: () => watcher.list(),
        refresh: (serial: string) => watcher.refresh(serial),
        bundles: () => core.state().bundles,
        session: () => sessions.session,
        prove: (simulate: Simulation | null) => sessions.prove(simulate),
      };
      for await (const check of doctorChecks(deps, inject)) {
        shown.doctor = [...shown.doctor, check];
        core.changed();
      }
      return ok({ checks: shown.doctor });
    },
  };
}

function runContext(core: DesktopCore): Result<RunContext> {
  const { session } = core.sessions;
  const { environment } = core.state();
  const device = session === null ? undefined : core.watcher.get(session.serial);
  if (session?.phase !== 'ready' || device === undefined || environment === null) return notReady(session);
  const manifest = core.bundles().find(({ row }) => row.id === session.bundleId)?.manifest;
  const name = manifest?.name ?? session.health?.model ?? session.bundleId;
  return ok({
    device: { serial: device.serial, kind: device.kind, model: device.model },
    model: session.health?.model ?? name,
    bundle: {
      id: session.bundleId,
      name,
      variant: manifest?.variant ?? session.health?.variant ?? 'unknown',
    },
    profile: session.profile,
    push: session.pushReport,
    environment,
  });
}
