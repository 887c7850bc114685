import type { ProfileRequest } from '../../core/agent-api.ts';
import type { AgentEvent } from '../../core/agent-event.ts';
import type { Session } from '../../core/desktop-state.ts';
import type { Device } from '../../core/device.ts';
import type { LatencyProfile } from '../../core/latency-profile.ts';
import type { ProviderProof, Simulation } from '../../core/provider-proof.ts';
import { fail, ok, type Failure, type Result } from '../../core/result.ts';
import type { AgentClient } from '../agent/agent-client.ts';
import { readAgentLog } from '../agent/agent-on-phone.ts';
import { AgentSession, type AgentPhase } from '../agent/agent-session.ts';
import { errorMessage } from '../files/atomic-file.ts';
import { bundleFileSet, type LocalFileSet } from '../files/local-file-set.ts';
import { ExclusiveWork } from './exclusive-work.ts';
import { measureProfile } from './measure-profile.ts';
import { combineReports, pushSets } from './push-sets.ts';
import { deploymentOf, provideRuntime, type RuntimeSets, runtimeSets } from './runtime-sets.ts';
import type { LocalBundle, SessionServiceDeps } from './session-deps.ts';
import { proofRequest, proveProviders } from './session-proof.ts';
import { IDLE, newSession, notReady, phoneReady } from './session-state.ts';

/** The one session: a bundle on a phone with an agent that serves it. */
export class SessionService {
  readonly #deps: SessionServiceDeps;
  #session: Session | null = null;
  #agent: AgentSession | null = null;
  readonly #work = new ExclusiveWork();

  constructor(deps: SessionServiceDeps) {
    this.#deps = deps;
  }

  get session(): Session | null {
    return this.#session;
  }

  /** The agent's client, null unless the session is ready. */
  client(): AgentClient | null {
    return this.#session?.phase === 'ready' || this.#session?.phase === 'profiling'
      ? (this.#agent?.client ?? null)
      : null;
  }

  /**
   * Push, agent, proof, profile. Failures: `session-busy`, `phone-not-ready`, and those of the parts.
   *
   * @param profile measure a quick profile where none is stored.
   */
  async start(serial: string, bundle: LocalBundle, profile: boolean): Promise<Result<null>> {
    const device = this.#deps.device(serial);
    const ready = phoneReady(serial, device);
    if (!ready.ok) return ready;
    return this.#work.run(async (signal) => {
      await this.#leave(serial);
      this.#session = newSession(serial, bundle.manifest.bundleId);
      this.#deps.onChange();
      const result = await this.#bringUp(ready.value, bundle, profile, signal);
      if (result.ok) return result;
      const wasStopped = result.failure.code === 'aborted';
      // Stopped in the middle: what was started must not run on unseen.
      await this.#leave(null);
      const phase = wasStopped ? 'stopped' : 'failed';
      this.#set({ ...IDLE, phase, failure: wasStopped ? null : result.failure });
      return result;
    });
  }

  /** Takes up an agent that an earlier desktop left running, if it is this very deployment. */
  async adopt(serial: string, bundles: readonly LocalBundle[]): Promise<boolean> {
    const device = this.#deps.device(serial);
    if (this.#work.isUnderWay || this.#session !== null || device === undefined) return false;
    if (this.#deps.tokens.get(serial) === null) return false;
    const pack = await this.#deps.packs.kept(device);
    const runtime = pack.ok ? await runtimeSets(this.#deps, pack.value) : pack;
    if (!runtime.ok) return false;
    for (const bundle of bundles) {
      const bundleSet = await bundleFileSet(bundle.path, bundle.manifest, this.#deps.hashes);
      const agent = this.#agentSession(serial, runtime.value, bundleSet, bundle.manifest.bundleId);
      if (this.#session !== null) return false;
      const adopted = await agent.adopt();
      if (!adopted.ok) continue;
      if (this.#session !== null || this.#work.isUnderWay) {
        await agent.detach();
        return false;
      }
      this.#agent = agent;
      this.#session = newSession(serial, bundle.manifest.bundleId);
      const profile = await agent.client?.profile();
      const proof = await agent.client?.prove(proofRequest(serial, device));
      this.#set({
        pack: runtime.value.choice,
        phase: 'ready',
        profile: profile?.ok === true ? profile.value : null,
        proof: proof?.ok === true ? proof.value : null,
      });
      this.#ready();
      const health = await agent.client?.health();
      if (health?.ok === true) this.#set({ health: health.value });
      return true;
    }
    return false;
  }

  /** Cancels what is under way and stops the agent. */
  async stop(): Promise<void> {
    this.#work.abort();
    await this.#work.settled;
    await this.#leave(null);
    if (this.#session?.pack?.name === 'termux')
      this.#deps.onNote('info', 'The agent in Termux runs on: adb can’t end it, Ctrl+C there does.');
    this.#set({ ...IDLE, phase: 'stopped', failure: null });
  }

  /** Ends this desktop's part; the agent runs on. */
  async close(): Promise<void> {
    this.#work.abort();
    await this.#agent?.detach();
    await this.#work.settled;
    await this.#deps.hashes.save();
  }

  /** To be called whenever adb says something of a phone. */
  phoneChanged(serial: string, isHere: boolean): void {
    if (this.#session?.serial === serial) this.#agent?.phoneIsHere(isHere);
  }

  async measureProfile(mode: ProfileRequest['mode']): Promise<Result<null>> {
    if (this.client() === null) return notReady(this.#session);
    return this.#work.run(async (signal) => {
      const measured = await this.#measure(mode, signal);
      // The agent may have gone meanwhile; then its own phase stands.
      if (this.client() !== null) this.#set({ phase: 'ready', profileProgress: null });
      return measured.ok ? ok(null) : measured;
    });
  }

  /**
   * Proves the phone's execution providers again or, for a made-up case, shows what would be found.
   * Failures: `session-not-ready`, those of the agent.
   */
  async prove(simulate: Simulation | null): Promise<Result<ProviderProof>> {
    const client = this.client();
    const session = this.#session;
    if (client === null || session === null) return notReady(session);
    const { serial } = session;
    const proved = await client.prove({ ...proofRequest(serial, this.#deps.device(serial)), simulate });
    if (proved.ok && simulate === null) this.#set({ proof: proved.value });
    return proved;
  }

  async log(lines: number): Promise<Result<string[]>> {
    return this.#session === null
      ? notReady(null)
      : readAgentLog(this.#deps.link, this.#session.serial, lines);
  }

  async #bringUp(
    device: Device,
    bundle: LocalBundle,
    profile: boolean,
    signal: AbortSignal,
  ): Promise<Result<null>> {
    const { serial } = device;
    const { manifest } = bundle;
    const runtime = await provideRuntime(this.#deps, device, signal);
    if (!runtime.ok) return runtime;
    this.#set({ pack: runtime.value.choice });
    let bundleSet: LocalFileSet;
    try {
      bundleSet = await bundleFileSet(bundle.path, manifest, this.#deps.hashes);
    } catch (error) {
      return fail('file-unreadable', `The bundle in ${bundle.path} can't be read: ${errorMessage(error)}.`);
    }
    const sets = [...runtime.value.sets, bundleSet];
    const reports = await pushSets(this.#deps.link, serial, sets, signal, (push) => this.#set({ push }));
    if (!reports.ok) return reports;
    this.#set({ phase: 'starting', push: null, pushReport: combineReports(reports.value) });
    this.#agent = this.#agentSession(serial, runtime.value, bundleSet, manifest.bundleId);
    const opened = await this.#agent.open(signal);
    if (!opened.ok) return opened;
    const { client } = this.#agent;
    const request = proofRequest(serial, this.#deps.device(serial));
    this.#set({ phase: 'proving' });
    if (client !== null) this.#set(await proveProviders(client, request, signal, this.#deps.onNote));
    if (signal.aborted) return fail('aborted', 'The start was cancelled.');
    const stored = await this.#agent.client?.profile(signal);
    if (stored?.ok === true && stored.value !== null) this.#set({ profile: stored.value });
    else if (profile) {
      const measured = await this.#measure('quick', signal);
      if (!measured.ok) return measured;
    }
    this.#set({ phase: 'ready', profileProgress: null });
    this.#ready();
    return ok(null);
  }

  async #measure(mode: ProfileRequest['mode'], signal: AbortSignal): Promise<Result<LatencyProfile>> {
    const client = this.#agent?.client;
    const session = this.#session;
    if (client === undefined || client === null || session === null) return notReady(session);
    const { serial } = session;
    this.#set({ phase: 'profiling', profileProgress: { cellsDone: 0, cells: 0, etaMs: null } });
    const device = this.#deps.device(serial);
    const measured = await measureProfile(client, mode, serial, device, this.#deps, signal);
    if (measured.ok) this.#set({ profile: measured.value });
    return measured;
  }

  #agentSession(serial: string, runtime: RuntimeSets, bundle: LocalFileSet, bundleId: string): AgentSession {
    const { link, tokens, options } = this.#deps;
    const session: AgentSession = new AgentSession({
      link,
      serial,
      tokens,
      deployment: deploymentOf(runtime, bundle, bundleId, options),
      onHealth: (health) => this.#set({ health }),
      onInstruction: (instruction) => this.#set({ instruction }),
      onEvent: (event) => this.#onEvent(event),
      onPhase: (phase, failure) => {
        if (this.#agent === session) this.#onPhase(phase, failure);
      },
    });
    return session;
  }

  #onPhase(phase: AgentPhase, failure: Failure | null): void {
    if (phase === 'restarting' || phase === 'lost' || phase === 'failed')
      this.#deps.onNote(phase === 'failed' ? 'error' : 'warning', failure?.message ?? phase);
    // While a start is under way the session's own phases tell more.
    if (
      this.#work.isUnderWay &&
      this.#session?.phase !== 'ready' &&
      (phase === 'ready' || phase === 'starting')
    ) {
      this.#set({ agent: this.#agent?.agent ?? null, baseUrl: this.#baseUrl(), instruction: null });
      return;
    }
    const restarts = this.#agent?.restarts ?? 0;
    this.#set({ phase, failure, restarts });
    if (phase === 'ready') this.#ready();
  }

  #ready(): void {
    const { agent, client } = this.#agent ?? {};
    this.#set({ agent: agent ?? null, baseUrl: this.#baseUrl(), instruction: null, failure: null });
    if (client !== undefined && client !== null) this.#deps.onReady(client);
  }

  #baseUrl(): string | null {
    const port = this.#agent?.client?.port;
    return port === undefined ? null : `http://127.0.0.1:${port}`;
  }

  #onEvent(event: AgentEvent): void {
    if (event.type === 'profile-progress') {
      const { cellsDone, cells, etaMs } = event;
      if (this.#session?.phase === 'profiling') this.#set({ profileProgress: { cellsDone, cells, etaMs } });
    } else if (event.type === 'profile-finished') this.#set({ profile: event.profile });
    this.#deps.onEvent(event);
  }

  /** An agent on the phone that comes next is left to be found and reused there, or replaced; others end. */
  async #leave(nextSerial: string | null): Promise<void> {
    const agent = this.#agent;
    const isSamePhone = nextSerial !== null && this.#session?.serial === nextSerial;
    this.#agent = null;
    await (isSamePhone ? agent?.detach() : agent?.stop());
  }

  #set(change: Partial<Session>): void {
    if (this.#session === null) return;
    this.#session = { ...this.#session, ...change };
    this.#deps.onChange();
  }
}
