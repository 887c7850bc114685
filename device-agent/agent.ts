import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { AGENT_API_VERSION, type Health } from '../core/agent-api.ts';
import type { BundleManifest } from '../core/bundle-manifest.ts';
import { providerWords } from '../core/provider-proof.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { AgentOptions } from './command-line.ts';
import { levelsOf, modelOfManifest } from './engine/engine-model.ts';
import { firstLine } from './engine/open-session.ts';
import { readManifest } from './engine/verify-bundle.ts';
import { EngineHost } from './host/engine-host.ts';
import { runtimeVersions } from './host/runtime-versions.ts';
import { openPromptEncoder, type PromptEncoder } from './host/prompt-encoder.ts';
import { lowerTargets } from './orchestrator/lower-target.ts';
import { Orchestrator } from './orchestrator/orchestrator.ts';
import { ProfileService } from './profiler/profile-service.ts';
import { loadProfile } from './profiler/profile-store.ts';
import { openProofs } from './proof/open-proofs.ts';
import type { LoadedAgent } from './service/context.ts';
import { createHttpService } from './service/http-service.ts';
import { removeStateFile, writeStateFile } from './state-file.ts';
import { EventLog } from './telemetry/event-log.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { startTelemetry } from './telemetry/telemetry.ts';

/** How long a stopping agent lets the running request go on. */
const DRAIN_MS = 2_000;

export interface AgentParts extends AgentOptions {
  readonly workerFile?: string;
  readonly log: (line: string) => void;
}

/** A listening agent. */
export interface Agent {
  readonly port: number;
  /** Settles when the bundle is loaded, or with the first thing that is wrong. */
  readonly loaded: Promise<Result<null>>;
  readonly health: () => Health;
  /** Drains, closes the service and removes `agent.json`. */
  readonly stop: () => Promise<void>;
}

/**
 * Starts the agent: reads the manifest, listens (health says `loading`), then verifies and loads.
 *
 * Failures before it listens: those of readManifest, `port-taken`, `listen-failed`, `write-failed`.
 */
export async function startAgent(parts: AgentParts): Promise<Result<Agent>> {
  const read = await readManifest(parts.bundleDir);
  if (!read.ok) return read;
  const manifest = read.value;
  const startedAt = new Date();
  const events = new EventLog();
  let loaded: LoadedAgent | null = null;
  const metrics = createMetrics(manifest.name, {
    running: () => (loaded?.orchestrator.busy === true ? 1 : 0),
    waiting: () => loaded?.orchestrator.queueLength ?? 0,
  });
  const host = createHost(parts, manifest, parts.threads, join(parts.home, 'verified.json'));
  const health = (): Health => ({
    apiVersion: AGENT_API_VERSION,
    status:
      host.state === 'failed' ? 'failed' : loaded !== null && host.state === 'ready' ? 'ready' : 'loading',
    failure: host.failure?.message ?? null,
    pid: process.pid,
    startedAt: startedAt.toISOString(),
    uptimeMs: Date.now() - startedAt.getTime(),
    model: manifest.name,
    bundleId: manifest.bundleId,
    variant: manifest.variant,
    threads: parts.threads,
    runtime: { ...runtimeVersions(), ...servingOn(host) },
    segmentForm: host.opened?.segmentForm ?? 'zero-row',
    loadMs: host.opened?.loadMs ?? null,
    queueLength: loaded?.orchestrator.queueLength ?? 0,
    pinnedLevel: loaded?.orchestrator.pinnedLevel ?? null,
    hasProfile: loaded !== null && loaded.orchestrator.profile !== null,
    hasTlm: host.hasTlm,
  });
  const service = createHttpService({
    token: parts.token,
    manifest,
    startedAt,
    events,
    metrics,
    health,
    loaded: () => loaded,
  });
  const listening = await listen(service, parts.port);
  if (!listening.ok) return listening;
  const port = listening.value;
  const state = { apiVersion: AGENT_API_VERSION, pid: process.pid, port, token: parts.token } as const;
  try {
    const { bundleId } = manifest;
    await writeStateFile(parts.home, { ...state, bundleId, startedAt: startedAt.toISOString() });
  } catch (error) {
    await service.close();
    return fail('write-failed', `${parts.home} cannot be written: ${firstLine(error)}.`, 'Free some space.');
  }

  const load = async (): Promise<Result<null>> => {
    // Side by side: the tokenizer is read here while the worker hashes and opens the graph.
    const [opened, encoder] = await Promise.all([
      host.open(),
      openPromptEncoder(parts.bundleDir, manifest, parts.log),
    ]);
    if (!opened.ok) return opened;
    if (!encoder.ok) return encoder;
    const { segmentForm, fallback, loadMs, hashedBytes } = opened.value;
    if (fallback !== null)
      parts.log(`zero-row segments are refused here, using conditional ones: ${fallback}`);
    if (!opened.value.tlm.ready)
      parts.log(`prompts are served whole: ${opened.value.tlm.why ?? 'the bundle has no TLM'}`);
    loaded = await assemble(parts, manifest, host, encoder.value, events, metrics.observer);
    parts.log(
      `ready: ${manifest.name} (${manifest.variant}), ${parts.threads} threads, ${segmentForm} segments, ` +
        `loaded in ${Math.round(loadMs)} ms, ${Math.round(hashedBytes / 1e6)} MB hashed`,
    );
    return ok(null);
  };
  const stopTelemetry = startTelemetry(events, {
    busy: () => loaded?.orchestrator.busy ?? false,
    queueLength: () => loaded?.orchestrator.queueLength ?? 0,
  });
  const loading = load();
  return ok({
    port,
    loaded: loading,
    health,
    stop: async () => {
      stopTelemetry();
      const drained = loaded?.orchestrator.stop(DRAIN_MS) ?? Promise.resolve();
      await drained;
      loaded?.stop();
      await service.close();
      await loading;
      await host.close();
      await removeStateFile(parts.home, process.pid);
    },
  });
}

function createHost(
  parts: AgentParts,
  manifest: BundleManifest,
  threads: number,
  stampFile: string | null,
): EngineHost {
  const { bundleDir, segmentForm, log } = parts;
  const own = parts.workerFile === undefined ? {} : { workerFile: parts.workerFile };
  return new EngineHost({ bundleDir, manifest, threads, segmentForm, stampFile, log, ...own });
}

async function assemble(
  parts: AgentParts,
  manifest: BundleManifest,
  host: EngineHost,
  encoder: PromptEncoder,
  events: EventLog,
  observer: ReturnType<typeof createMetrics>['observer'],
): Promise<LoadedAgent> {
  const levels = manifest.levels.map(({ level }) => level);
  const { eosTokenIds } = manifest.tokenizer;
  const { table, textOfAll } = encoder;
  const { home, threads, guardCorrection, log } = parts;
  const orchestrator = new Orchestrator({
    host,
    table,
    textOfAll,
    levels,
    lowerTarget: lowerTargets(levelsOf(modelOfManifest(manifest))),
    quality: manifest.tlm?.quality ?? null,
    eosTokenIds,
    events,
    observer,
    guardCorrection,
    log,
  });
  const { bundleId } = manifest;
  const { proofs, stop } = await openProofs({ home, bundleId, threads, host, orchestrator, log });
  const stored = await loadProfile(home, bundleId, threads);
  if (stored?.ok === true && stored.value.runtime.provider !== servingOn(host).provider)
    log(`the stored profile is ignored: it was measured on ${stored.value.runtime.provider}`);
  else if (stored?.ok === true) orchestrator.profile = stored.value;
  else if (stored !== null) log(`the stored profile is ignored: ${stored.failure.message}`);
  const profiles = new ProfileService({
    home,
    bundleId,
    threads,
    levels,
    contextLength: manifest.model.contextLength,
    vocabSize: manifest.model.vocabSize,
    runtime: () => ({ ...runtimeVersions(), provider: servingOn(host).provider }),
    table,
    host,
    openHost: async (count) => {
      const extra = createHost(parts, manifest, count, null);
      const opened = await extra.open();
      return opened.ok ? ok(extra) : opened;
    },
    orchestrator,
    events,
    log,
  });
  return { encoder, orchestrator, profiles, proofs, stop };
}

async function listen(service: FastifyInstance, port: number): Promise<Result<number>> {
  try {
    await service.listen({ host: '127.0.0.1', port });
  } catch (error) {
    const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    return taken
      ? fail('port-taken', `Port ${port} is taken.`, 'Choose another --port, or 0 for any free one.')
      : fail(
          'listen-failed',
          `Cannot listen on port ${port}: ${firstLine(error)}.`,
          'Choose another --port.',
        );
  }
  const address = service.server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return ok(address.port);
}

/** What really runs each phase now. */
function servingOn({ prefillProvider }: EngineHost): Pick<Health['runtime'], 'provider' | 'providers'> {
  const providers = { prefill: prefillProvider, decode: 'cpu' } as const;
  return { provider: providerWords(providers), providers };
}
