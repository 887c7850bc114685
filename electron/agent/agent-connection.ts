import type { AgentStateFile, Health } from '../../core/agent-api.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { PhoneLink } from '../adb/phone-link.ts';
import type { AgentClient } from './agent-client.ts';
import {
  type Deployment,
  explainCrash,
  findAgent,
  isOfDeployment,
  lookAtStart,
  startAgent,
  stopAgent,
} from './agent-on-phone.ts';
import { forwardClient } from './forwarded-client.ts';
import { pause } from '../files/pause.ts';
import type { ExitReason } from './explain-exit.ts';
import { isPhoneTrouble } from './phone-trouble.ts';
import { connectByHand } from './termux-agent.ts';
import type { TokenStore } from './token-store.ts';

/** Until a started agent listens. */
const LISTEN_TIMEOUT_MS = 30_000;
/** Until it has loaded and checked its bundle. */
const LOAD_TIMEOUT_MS = 180_000;

/** A reachable agent: its process, the forward to it and a client over that. */
export interface AgentConnection {
  readonly state: AgentStateFile;
  readonly client: AgentClient;
  readonly health: Health;
  /** It ran before this desktop asked for it. */
  readonly wasRunning: boolean;
}

export interface ConnectOptions {
  readonly link: PhoneLink;
  readonly serial: string;
  readonly deployment: Deployment;
  readonly tokens: TokenStore;
  readonly signal?: AbortSignal | undefined;
  readonly onHealth: (health: Health) => void;
  /** Something that the user has to do on the phone. */
  readonly onInstruction: (text: string) => void;
}

/**
 * The agent of this deployment on the phone: the one that runs, if it is of the same files and takes our token,
 * else a fresh one in its place.
 */
export async function connectAgent(options: ConnectOptions): Promise<Result<AgentConnection>> {
  const { link, serial, deployment, tokens } = options;
  if (options.signal?.aborted === true) return cancelled();
  if (deployment.byHand) return connectByHand(options);
  const found = await findAgent(link, serial);
  if (!found.ok) return found;
  if (found.value !== null && found.value.isAlive) {
    const { state } = found.value;
    const token = tokens.get(serial);
    if (isOfDeployment(found.value, deployment) && token !== null) {
      const reached = await reachAgent(options, state, token, true);
      if (reached.ok || reached.failure.code === 'aborted' || isPhoneTrouble(reached.failure.code))
        return reached;
    }
    const stopped = await stopAgent(link, serial, state.pid);
    if (!stopped.ok) return stopped;
  }
  return startFresh(options);
}

/**
 * Starts an agent and waits until it has loaded. Failures `agent-crashed` with the reason from its log, and
 * `agent-killed` when there is none.
 */
async function startFresh(options: ConnectOptions): Promise<Result<AgentConnection>> {
  const { link, serial, deployment, tokens, signal } = options;
  const token = await tokens.renew(serial);
  const started = await startAgent(link, serial, deployment, token);
  if (!started.ok) return started;
  const { pid } = started.value;
  const deadline = Date.now() + LISTEN_TIMEOUT_MS;
  for (;;) {
    const look = await lookAtStart(link, serial, pid);
    if (!look.ok) return look;
    const { state, isAlive } = look.value;
    if (state !== null) {
      const reached = await reachAgent(options, state, token, false);
      // One that was never ready, or that nobody waits for, must not run on unseen.
      if (!reached.ok && !isPhoneTrouble(reached.failure.code)) await stopAgent(link, serial, state.pid);
      return reached;
    }
    if (signal?.aborted === true || Date.now() > deadline) {
      await stopAgent(link, serial, pid);
      return signal?.aborted === true
        ? cancelled()
        : fail('agent-start', 'The agent does not listen after 30 s.', 'Look at its log.');
    }
    if (!isAlive) return crashed('started', await explainCrash(link, serial, pid));
    await pause(100, signal);
  }
}

/** Forwards a port to a running agent and waits until it is ready. */
export async function reachAgent(
  options: Pick<ConnectOptions, 'link' | 'serial' | 'signal' | 'onHealth'>,
  state: AgentStateFile,
  token: string,
  wasRunning: boolean,
): Promise<Result<AgentConnection>> {
  const { link, serial, signal, onHealth } = options;
  const forwarded = await forwardClient(link, serial, state.port, token);
  if (!forwarded.ok) return forwarded;
  const { client, giveUp: give } = forwarded.value;
  const deadline = Date.now() + LOAD_TIMEOUT_MS;
  let refusals = 0;
  for (;;) {
    const health = await client.health(signal);
    if (health.ok) {
      onHealth(health.value);
      if (health.value.status === 'ready') return ok({ state, client, health: health.value, wasRunning });
      if (health.value.status === 'failed')
        return give(
          fail('agent-failed', health.value.failure ?? 'The agent could not load.', 'Look at its log.'),
        );
    } else {
      if (health.failure.code === 'aborted' || health.failure.code === 'agent-token') return give(health);
      const alive = await lookAtStart(link, serial, state.pid);
      if (!alive.ok) return give(alive);
      if (!alive.value.isAlive) return give(crashed('loaded', await explainCrash(link, serial, state.pid)));
      refusals += 1;
      if (refusals > 20) return give(health);
    }
    if (Date.now() > deadline)
      return give(fail('agent-start', 'The agent is not ready after 3 minutes.', 'Look at its log.'));
    await pause(150, signal);
    if (signal?.aborted === true) return give(fail('aborted', 'Waiting for the agent was cancelled.'));
  }
}

function cancelled(): Result<never> {
  return fail('aborted', 'Starting the agent was cancelled.');
}

function crashed(during: 'started' | 'loaded', { words, wasKilled }: ExitReason): Result<never> {
  return fail(
    wasKilled ? 'agent-killed' : 'agent-crashed',
    `The agent ended while it ${during}: ${words}.`,
    wasKilled ? 'Close other apps on the phone and try again.' : 'Look at its log.',
  );
}
