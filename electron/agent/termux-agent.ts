import { AGENT_API_VERSION, type AgentStateFile } from '../../core/agent-api.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { pause } from '../files/pause.ts';
import { PHONE_ROOT, setFolder } from '../push/phone-layout.ts';
import type { AgentConnection, ConnectOptions } from './agent-connection.ts';
import { agentOptions, type Deployment } from './agent-on-phone.ts';
import { forwardClient } from './forwarded-client.ts';
import { isPhoneTrouble } from './phone-trouble.ts';

/** The agent in the Termux app listens here: adb can't read what it writes there. */
export const TERMUX_PORT = 8722;
export const TERMUX_SCRIPT = `${PHONE_ROOT}/termux.sh`;

/** Until the user has pasted the line and the first installation of Node is over. */
const PASTE_TIMEOUT_MS = 15 * 60_000;
const LOOK_MS = 1000;

/** What the user pastes in Termux. The token is in the line and not in the script, which other apps may read. */
export function termuxLine(token: string): string {
  return `pkg install -y nodejs-lts; BUNGEE_TOKEN=${token} sh ${TERMUX_SCRIPT}`;
}

/**
 * What the line starts. The agent is copied first: Android maps no library from adb's folder into an app. The
 * bundle is only read, and is left where adb put it.
 */
export function termuxScript(deployment: Deployment): string {
  const { agentSetId, bundleSetId } = deployment;
  const options = [
    `--bundle ${setFolder(bundleSetId)}`,
    '--home "$HOME/bungee/home"',
    `--port ${TERMUX_PORT}`,
    agentOptions(deployment),
  ].filter((option) => option !== '');
  return [
    'mkdir -p "$HOME/bungee/home" || exit 1',
    `if [ ! -d "$HOME/bungee/${agentSetId}" ]; then`,
    '  rm -rf "$HOME/bungee/agent.new"',
    `  cp -R ${setFolder(agentSetId)} "$HOME/bungee/agent.new" && mv "$HOME/bungee/agent.new" "$HOME/bungee/${agentSetId}" || exit 1`,
    'fi',
    `exec node "$HOME/bungee/${agentSetId}/agent.mjs" ${options.join(' ')}`,
    '',
  ].join('\n');
}

/**
 * An agent that the user starts in the Termux app: tells the line to paste and waits until it answers. One that
 * runs there already with our token and bundle is taken up.
 *
 * Failures: `agent-start` (nobody started it), `agent-failed`, `aborted`, and those of the phone.
 */
export async function connectByHand(options: ConnectOptions): Promise<Result<AgentConnection>> {
  const { link, serial, deployment, tokens, signal, onHealth, onInstruction } = options;
  const token = tokens.get(serial) ?? (await tokens.renew(serial));
  const pushed = await link.push(serial, Buffer.from(termuxScript(deployment)), TERMUX_SCRIPT, { signal });
  if (!pushed.ok) return pushed;
  const forwarded = await forwardClient(link, serial, TERMUX_PORT, token);
  if (!forwarded.ok) return forwarded;
  const { client, giveUp: give } = forwarded.value;
  const deadline = Date.now() + PASTE_TIMEOUT_MS;
  let told = '';
  const tell = (text: string): void => {
    if (text !== told) onInstruction(text);
    told = text;
  };
  for (;;) {
    const health = await client.health(signal);
    if (signal?.aborted === true)
      return give(fail('aborted', 'Waiting for the agent in Termux was cancelled.'));
    if (health.ok && health.value.bundleId === deployment.bundleId) {
      const { status, failure, pid, bundleId, startedAt } = health.value;
      onHealth(health.value);
      if (status === 'failed') return give(fail('agent-failed', failure ?? 'The agent could not load.'));
      const state: AgentStateFile = {
        apiVersion: AGENT_API_VERSION,
        pid,
        port: TERMUX_PORT,
        token,
        bundleId,
        startedAt,
      };
      if (status === 'ready') return ok({ state, client, health: health.value, wasRunning: false });
    } else if (health.ok || health.failure.code === 'agent-token')
      tell(
        `Another agent runs in Termux on ${serial}: end it there with Ctrl+C, then paste: ${termuxLine(token)}`,
      );
    else if (isPhoneTrouble(health.failure.code)) return give(health);
    else tell(`Open Termux on ${serial} and paste: ${termuxLine(token)}`);
    if (Date.now() > deadline)
      return give(fail('agent-start', `Nobody started the agent in Termux on ${serial} for 15 minutes.`));
    await pause(LOOK_MS, signal);
  }
}
