import type { AgentStateFile, Health } from '../../core/agent-api.ts';
import type { AgentEvent } from '../../core/agent-event.ts';
import { fail, ok, type Failure, type Result } from '../../core/result.ts';
import type { PhoneLink } from '../adb/phone-link.ts';
import type { AgentClient } from './agent-client.ts';
import { type AgentConnection, connectAgent, reachAgent } from './agent-connection.ts';
import { type Deployment, explainCrash, findAgent, isOfDeployment, stopAgent } from './agent-on-phone.ts';
import { pause } from '../files/pause.ts';
import { isPhoneTrouble } from './phone-trouble.ts';
import { restartDelayMs } from './restart-policy.ts';
import type { TokenStore } from './token-store.ts';

export type AgentPhase = 'starting' | 'ready' | 'restarting' | 'lost' | 'failed' | 'stopped';

export interface AgentSessionOptions {
  readonly link: PhoneLink;
  readonly serial: string;
  readonly deployment: Deployment;
  readonly tokens: TokenStore;
  /** `failure` says why, for `restarting`, `lost` and `failed`. */
  readonly onPhase: (phase: AgentPhase, failure: Failure | null) => void;
  readonly onHealth: (health: Health) => void;
  readonly onEvent: (event: AgentEvent) => void;
  /** Something that the user has to do on the phone. */
  readonly onInstruction: (text: string) => void;
}

/**
 * One agent over its life: started or found again, watched over its event stream, restarted with back-off when
 * it crashes, waited for when the phone goes away. Ends by `stop` (the agent too) or `detach` (it runs on).
 */
export class AgentSession {
  readonly #options: AgentSessionOptions;
  readonly #ended = new AbortController();
  readonly #crashesAtMs: number[] = [];
  #connection: AgentConnection | null = null;
  #lastSeq: number | null = null;
  #isPhoneHere = true;
  #wakeUp: () => void = () => undefined;
  #watching: Promise<void> = Promise.resolve();

  constructor(options: AgentSessionOptions) {
    this.#options = options;
  }

  /** null while the agent can't be reached. */
  get client(): AgentClient | null {
    return this.#connection?.client ?? null;
  }

  get agent(): AgentStateFile | null {
    return this.#connection?.state ?? null;
  }

  get restarts(): number {
    return this.#crashesAtMs.length;
  }

  /** Resolves when the agent is ready; an abort ends the attempt. Afterwards the session looks after itself. */
  async open(signal?: AbortSignal): Promise<Result<null>> {
    this.#options.onPhase('starting', null);
    let connected = await this.#connect(signal);
    if (!connected.ok && connected.failure.code === 'agent-killed') {
      // Not its own doing: the phone may have room for it a moment later.
      await this.#awaitRestart(connected.failure, signal);
      connected = await this.#connect(signal);
    }
    if (!connected.ok) return connected;
    this.#watching = this.#watch();
    return ok(null);
  }

  /**
   * Takes up an agent that runs, starts none: `agent-none` when there is none of this deployment that takes our
   * token.
   */
  async adopt(): Promise<Result<null>> {
    const { link, serial, deployment, tokens } = this.#options;
    const found = await findAgent(link, serial);
    if (!found.ok) return found;
    const agent = found.value;
    if (agent === null || !agent.isAlive || !isOfDeployment(agent, deployment) || tokens.get(serial) === null)
      return fail('agent-none', `No agent of ours runs on ${serial}.`);
    const failure = await this.#reachAgain(agent.state);
    if (failure !== null) return { ok: false, failure };
    this.#watching = this.#watch();
    return ok(null);
  }

  /** Ends the agent on the phone, if the phone is there. */
  async stop(): Promise<void> {
    const pid = this.#connection?.state.pid;
    await this.detach();
    if (pid !== undefined) await stopAgent(this.#options.link, this.#options.serial, pid);
    this.#options.onPhase('stopped', null);
  }

  /** Lets the agent run on; a later session finds it again. */
  async detach(): Promise<void> {
    this.#ended.abort();
    this.#wakeUp();
    await this.#watching;
    await this.#disconnect();
  }

  /** What adb says of the phone. */
  phoneIsHere(isHere: boolean): void {
    this.#isPhoneHere = isHere;
    if (isHere) this.#wakeUp();
    // The forward's sockets would hang until a timeout: let the watch find out at once.
    else this.#connection?.client.close();
  }

  async #connect(signal?: AbortSignal): Promise<Result<AgentConnection>> {
    const { onPhase } = this.#options;
    const connected = await connectAgent({ ...this.#options, signal });
    if (!connected.ok) return connected;
    this.#connection = connected.value;
    this.#lastSeq = connected.value.wasRunning ? null : -1;
    onPhase('ready', null);
    return connected;
  }

  async #disconnect(): Promise<void> {
    const connection = this.#connection;
    this.#connection = null;
    if (connection === null) return;
    connection.client.close();
    await this.#options.link.removeForward(this.#options.serial, connection.client.port);
  }

  async #watch(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      const { client } = this;
      if (client === null) return;
      const failure = await client.events(
        this.#lastSeq,
        (event) => {
          this.#lastSeq = event.seq;
          this.#options.onEvent(event);
        },
        () => undefined,
        this.#ended.signal,
      );
      if (this.#ended.signal.aborted || !(await this.#recover(failure))) return;
    }
  }

  /** @returns whether the agent is ready again; false = the session is over. */
  async #recover(cut: Failure): Promise<boolean> {
    const { link, serial, onPhase } = this.#options;
    for (;;) {
      const found = this.#isPhoneHere ? await findAgent(link, serial) : null;
      if (this.#ended.signal.aborted) return false;
      if (found === null || (!found.ok && isPhoneTrouble(found.failure.code))) {
        await this.#waitForPhone(found === null || found.ok ? cut : found.failure);
        continue;
      }
      if (found.ok && found.value?.isAlive === true) {
        const again = await this.#reachAgain(found.value.state);
        if (this.#ended.signal.aborted) return false;
        if (again === null) return true;
        cut = again;
        if (isPhoneTrouble(again.code)) continue;
      }
      const pid = (found.ok ? found.value?.state.pid : undefined) ?? this.agent?.pid ?? null;
      const crash = `The agent on ${serial} ended: ${(await explainCrash(link, serial, pid)).words}.`;
      const failure = { code: 'agent-crashed', message: crash, remedy: 'Look at its log.' };
      await this.#disconnect();
      if (!(await this.#awaitRestart(failure, this.#ended.signal))) {
        onPhase('failed', { ...failure, message: `${crash} It was restarted ${this.restarts} times.` });
        return false;
      }
      if (this.#ended.signal.aborted) return false;
      const connected = await this.#connect(this.#ended.signal);
      if (connected.ok) return true;
      if (connected.failure.code === 'aborted') return false;
      cut = connected.failure;
    }
  }

  /** Tells of a restart and waits for its time; false = there were too many. */
  async #awaitRestart(failure: Failure, signal: AbortSignal | undefined): Promise<boolean> {
    const delayMs = restartDelayMs(this.#crashesAtMs, Date.now());
    if (delayMs === null) return false;
    this.#crashesAtMs.push(Date.now());
    this.#options.onPhase('restarting', failure);
    await pause(delayMs, signal);
    return true;
  }

  /**
   * The process lives but the stream was cut: the forward died with the cable or the adb server.
   *
   * @returns null when the agent is ready again.
   */
  async #reachAgain(state: AgentStateFile): Promise<Failure | null> {
    const { link, serial, tokens, onHealth, onPhase } = this.#options;
    await this.#disconnect();
    const token = tokens.get(serial) ?? '';
    const signal = this.#ended.signal;
    const reached = await reachAgent({ link, serial, onHealth, signal }, state, token, true);
    if (!reached.ok) return reached.failure;
    this.#connection = reached.value;
    onPhase('ready', null);
    return null;
  }

  async #waitForPhone(failure: Failure): Promise<void> {
    const { serial, onPhase } = this.#options;
    this.#connection?.client.close();
    this.#connection = null;
    onPhase('lost', {
      code: 'phone-gone',
      message: `Phone ${serial} went away.`,
      remedy: 'Plug it in again; Bungee goes on by itself.',
      detail: failure.message,
    });
    // Looks again by itself too: the adb server may be back before its list says so.
    await Promise.race([new Promise<void>((wake) => (this.#wakeUp = wake)), pause(2000, this.#ended.signal)]);
    this.#wakeUp = () => undefined;
  }
}
