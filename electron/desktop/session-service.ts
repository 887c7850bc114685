import type { ProfileRequest } from '../../core/agent-api.ts';
import type { AgentEvent } from '../../core/agent-event.ts';
import type { Session } from '../../core/desktop-state.ts';
import type { Device } from '../../core/device.ts';
import type { LatencyProfile } from '../../core/latency-profile.ts';
import { fail, ok, type Failure, type Result } from '../../core/result.ts';
import type { AgentClient } from '../agent/agent-client.ts';
import { agentFileSet } from '../agent/agent-files.ts';
import { readAgentLog } from '../agent/agent-on-phone.ts';
import { AgentSession, type AgentPhase } from '../agent/agent-session.ts';
import { errorMessage } from '../files/atomic-file.ts';
import { bundleFileSet, type LocalFileSet } from '../files/local-file-set.ts';
import { combineReports, pushSets } from './push-sets.ts';
import type { LocalBundle, SessionServiceDeps } from './session-deps.ts';
import { IDLE, newSession, notReady, phoneReady } from './session-state.ts';

/** The one session: a bundle on a phone with an agent that serves it. */
export class SessionService {
  readonly #deps: SessionServiceDeps;
  #session: Session | null = null;
  #agent: AgentSession | null = null;
  #work: AbortController | null = null;
  #working: Promise<void> = Promise.resolve();

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

  /** Push, agent, profile. Failures: `session-busy`, `phone-not-ready`, and those of the parts. */
  async start(serial: string, bundle: LocalBundle): Promise<Result<null>> {
    const device = this.#deps.device(serial);
    const ready = phoneReady(serial, device);
    if (!ready.ok) return ready;
    return this.#exclusively(async (signal) => {
      await this.#leave(serial);
      this.#session = newSession(serial, bundle.manifest.bundleId);
      this.#deps.onChange();
      const result = await this.#bringUp(ready.value, bundle, signal);
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
    if (this.#work !== null || this.#session !== null || device === undefined) return false;
    if (this.#deps.tokens.get(serial) === null) return false;
    const agentSet = await this.#agentSet(device);
    if (!agentSet.ok) return false;
    for (const bundle of bundles) {
      const bundleSet = await bundleFileSet(bundle.path, bundle.manifest, this.#deps.hashes);
      const agent = this.#agentSession(serial, agentSet.value, bundleSet, bundle.manifest.bundleId);
      if (this.#session !== null) return false;
      const adopted = await agent.adopt();
      if (!adopted.ok) continue;
      if (this.#session !== null || this.#work !== null) {
        await agent.detach();
        return false;
      }
      this.#agent = agent;
      this.#session = newSession(serial, bundle.manifest.bundleId);
      const profile = await agent.client?.profile();
      this.#set({ phase: 'ready', profile: profile?.ok === true ? profile.value : null });
      this.#ready();
      const health = await agent.client?.health();
      if (health?.ok === true) this.#set({ health: health.value });
      return true;
    }
    return false;
  }

  /** Cancels what is under way and stops the agent. */
  async stop(): Promise<void> {
    this.#work?.abort();
    await this.#working;
    await this.#leave(null);
    this.#set({ ...IDLE, phase: 'stopped', failure: null });
  }

  /** Ends this desktop's part; the agent runs on. */
  async close(): Promise<void> {
    this.#work?.abort();
    await this.#agent?.detach();
    await this.#working;
    await this.#deps.hashes.save();
  }

  /** To be called whenever adb says something of a phone. */
  phoneChanged(serial: string, isHere: boolean): void {
    if (this.#session?.serial === serial) this.#agent?.phoneIsHere(isHere);
  }

  async measureProfile(mode: ProfileRequest['mode']): Promise<Result<null>> {
    if (this.client() === null) return notReady(this.#session);
    return this.#exclusively(async (signal) => {
      const measured = await this.#measure(mode, signal);
      // The agent may have gone meanwhile; then its own phase stands.
      if (this.client() !== null) this.#set({ phase: 'ready', profileProgress: null });
      return measured.ok ? ok(null) : measured;
    });
  }

  async log(lines: number): Promise<Result<string[]>> {
    return this.#session === null
      ? notReady(null)
      : readAgentLog(this.#deps.link, this.#session.serial, lines);
  }

  async #bringUp(device: Device, bundle: LocalBundle, signal: AbortSignal): Promise<Result<null>> {
    const { serial } = device;
    const { manifest } = bundle;
    const agentSet = await this.#agentSet(device);
    if (!agentSet.ok) return agentSet;
    let bundleSet: LocalFileSet;
    try {
      bundleSet = await bundleFileSet(bundle.path, manifest, this.#deps.hashes);
    } catch (error) {
      return fail('file-unreadable', `The bundle in ${bundle.path} can't be read: ${errorMessage(error)}.`);
    }
    const reports = await pushSets(this.#deps.link, serial, [agentSet.value, bundleSet], signal, (push) =>
      this.#set({ push }),
    );
    if (!reports.ok) return reports;
    this.#set({ phase: 'starting', push: null, pushReport: combineReports(reports.value) });
    this.#agent = this.#agentSession(serial, agentSet.value, bundleSet, manifest.bundleId);
    const opened = await this.#agent.open(signal);
    if (!opened.ok) return opened;
    const stored = await this.#agent.client?.profile(signal);
    if (stored?.ok === true && stored.value !== null) this.#set({ profile: stored.value });
    else {
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
    const device = this.#deps.device(session.serial);
    this.#set({ phase: 'profiling', profileProgress: { cellsDone: 0, cells: 0, etaMs: null } });
    const measured = await client.measureProfile(
      {
        mode,
        serial: session.serial,
        deviceModel: device?.model ?? '',
        virtual: device?.kind === 'virtual',
        temperatureC: device?.telemetry?.temperatureC ?? null,
      },
      signal,
    );
    if (!measured.ok) return measured;
    this.#set({ profile: measured.value });
    try {
      await this.#deps.profiles.save(session.serial, measured.value);
    } catch (error) {
      this.#deps.onNote('warning', `The profile could not be kept on this computer: ${errorMessage(error)}.`);
    }
    return measured;
  }

  #agentSet(device: Device): Promise<Result<LocalFileSet>> {
    return agentFileSet(this.#deps.options, device, this.#deps.hashes);
  }

  #agentSession(serial: string, agent: LocalFileSet, bundle: LocalFileSet, bundleId: string): AgentSession {
    const { link, tokens, options } = this.#deps;
    const session: AgentSession = new AgentSession({
      link,
      serial,
      tokens,
      deployment: {
        agentSetId: agent.id,
        bundleSetId: bundle.id,
        bundleId,
        threads: options.threads,
        guardCorrection: options.guardCorrection,
        nodeCommand: options.nodeCommand,
      },
      onHealth: (health) => this.#set({ health }),
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
      this.#work !== null &&
      this.#session?.phase !== 'ready' &&
      (phase === 'ready' || phase === 'starting')
    ) {
      this.#set({ agent: this.#agent?.agent ?? null, baseUrl: this.#baseUrl() });
      return;
    }
    const restarts = this.#agent?.restarts ?? 0;
    this.#set({ phase, failure, restarts });
    if (phase === 'ready') this.#ready();
  }

  #ready(): void {
    const { agent, client } = this.#agent ?? {};
    this.#set({ agent: agent ?? null, baseUrl: this.#baseUrl(), failure: null });
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

  /** One piece of work at a time; failure `session-busy` while another is under way. */
  async #exclusively(act: (signal: AbortSignal) => Promise<Result<null>>): Promise<Result<null>> {
    if (this.#work !== null)
      return fail(
        'session-busy',
        'Another start or profile is under way.',
        'Wait for it, or stop the session.',
      );
    const work = new AbortController();
    this.#work = work;
    const acting = act(work.signal);
    this.#working = acting.then(
      () => undefined,
      () => undefined,
    );
    try {
      return await acting;
    } finally {
      this.#work = null;
    }
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
