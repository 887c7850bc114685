import { AGENT_STATE_FILE, type AgentStateFile, agentStateFileSchema } from '../../core/agent-api.ts';
import { parseJsonWith } from '../../core/parse.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { RuntimePack } from '../../core/runtime-pack.ts';
import type { PhoneLink } from '../adb/phone-link.ts';
import { shellQuote } from '../adb/shell-protocol.ts';
import { placed } from '../packs/pack-layout.ts';
import { AGENT_HOME, setFolder } from '../push/phone-layout.ts';
import { explainExit, type ExitReason, findEnding } from './explain-exit.ts';

/** What an agent on a phone is made of. */
export interface Deployment {
  readonly agentSetId: string;
  readonly bundleSetId: string;
  readonly bundleId: string;
  /** null = the agent's own choice (all cores). */
  readonly threads: number | null;
  readonly guardCorrection: boolean;
  /** The runtime pack's set; null = the phone has a Node of its own. */
  readonly runtimeSetId: string | null;
  /** The user starts it in the Termux app; adb can't. */
  readonly byHand: boolean;
  /** How Node is started, as the runtime pack says. */
  readonly launch: RuntimePack['launch'];
}

/** In the agent's folder: the file sets it was started from, and on a line of its own its options. */
const STARTED_FROM = 'started-from';
const LOG = 'agent.log';
const NO_NODE_EXIT = 4;
/** A phone under load writes hundreds of lines a second; an end is asked for within one. */
const SYSTEM_LOG_LINES = 2000;

export interface FoundAgent {
  readonly state: AgentStateFile;
  readonly isAlive: boolean;
  readonly agentSetId: string;
  readonly bundleSetId: string;
  readonly runtimeSetId: string | null;
  /** As {@link agentOptions} gave them. */
  readonly options: string;
}

/** Whether the agent is what a start of this deployment would give. */
export function isOfDeployment(found: FoundAgent, deployment: Deployment): boolean {
  return (
    found.agentSetId === deployment.agentSetId &&
    found.bundleSetId === deployment.bundleSetId &&
    found.runtimeSetId === deployment.runtimeSetId &&
    found.options === agentOptions(deployment)
  );
}

/** The part of the agent's command line that is the user's to choose. */
export function agentOptions({ threads, guardCorrection }: Deployment): string {
  return [
    ...(threads === null ? [] : [`--threads ${threads}`]),
    ...(guardCorrection ? [] : ['--guard-correction off']),
  ].join(' ');
}

/** The agent that the phone tells of, alive or not; null when there never was one or it stopped by itself. */
export async function findAgent(link: PhoneLink, serial: string): Promise<Result<FoundAgent | null>> {
  const script = [
    `cd ${AGENT_HOME} 2>/dev/null || exit 0`,
    `cat ${AGENT_STATE_FILE} 2>/dev/null || exit 0`,
    `echo; echo ---; cat ${STARTED_FROM} 2>/dev/null; echo; echo ---; ps -A -o PID,ARGS 2>/dev/null || ps`,
  ].join('\n');
  const output = await link.shell(serial, script);
  if (!output.ok) return output;
  const [json = '', from = '', processes = ''] = output.value.stdout.split('\n---\n');
  if (json.trim() === '') return ok(null);
  const state = parseJsonWith(agentStateFileSchema, json, `${AGENT_HOME}/${AGENT_STATE_FILE}`);
  // Left by another version: as good as none, the next start overwrites it.
  if (!state.ok) return ok(null);
  const [sets = '', options = ''] = from.split('\n');
  const [agentSetId = '', bundleSetId = '', runtimeSetId = null] = sets.split(' ');
  const isAlive = isAgentProcess(processes, state.value.pid);
  return ok({ state: state.value, isAlive, agentSetId, bundleSetId, runtimeSetId, options });
}

/**
 * Whether `ps` lists `pid` as a Node that runs an agent: after a reboot the number may be another's. A pack's Node
 * runs under its own loader, from a set's folder, and a narrow `ps` may cut the line there.
 */
export function isAgentProcess(ps: string, pid: number): boolean {
  return ps.split('\n').some((line) => {
    const words = line.trim().split(/\s+/);
    return (
      words.includes(String(pid)) &&
      /\b(node|agent\.mjs)\b|\/bungee\/sets\//.test(line) &&
      !/\bsh -c\b/.test(line)
    );
  });
}

/**
 * Starts an agent; resolves when its process runs (not yet: when it listens). The token goes through standard
 * input into the environment, so that no process list shows it.
 *
 * Failures: `node-missing`, `agent-start`, and those of {@link PhoneLink}.
 */
export async function startAgent(
  link: PhoneLink,
  serial: string,
  deployment: Deployment,
  token: string,
): Promise<Result<{ pid: number }>> {
  const { agentSetId, bundleSetId, runtimeSetId } = deployment;
  const options = agentOptions(deployment);
  const { program, command: node } = launchOf(deployment);
  const command = [
    node,
    `${setFolder(agentSetId)}/agent.mjs`,
    `--bundle ${setFolder(bundleSetId)}`,
    `--port 0 --home ${AGENT_HOME}`,
    options,
  ].join(' ');
  const sets = [agentSetId, bundleSetId, ...(runtimeSetId === null ? [] : [runtimeSetId])];
  const isThere = runtimeSetId === null ? `command -v ${program} > /dev/null` : `[ -x ${program} ]`;
  const script = [
    `mkdir -p ${AGENT_HOME} && cd ${AGENT_HOME} || exit 1`,
    `${isThere} || exit ${NO_NODE_EXIT}`,
    'read -r BUNGEE_TOKEN; export BUNGEE_TOKEN',
    `rm -f ${AGENT_STATE_FILE}; if [ -f ${LOG} ]; then mv -f ${LOG} ${LOG}.1; fi`,
    `echo ${shellQuote(`${sets.join(' ')}\n${options}`)} > ${STARTED_FROM}`,
    `nohup setsid ${command} > ${LOG} 2>&1 < /dev/null &`,
    'echo "pid $!"',
  ].join('\n');
  const started = await link.shell(serial, script, { stdin: Buffer.from(`${token}\n`) });
  if (!started.ok) return started;
  const pid = Number(/^pid (\d+)$/m.exec(started.value.stdout)?.[1]);
  if (Number.isInteger(pid) && pid > 0) return ok({ pid });
  if (started.value.exitCode === NO_NODE_EXIT)
    return fail(
      'node-missing',
      runtimeSetId === null
        ? `Phone ${serial} has no \`${program}\` command.`
        : `${program} of the runtime pack can't be run on ${serial}.`,
      'Run `npm run doctor`, or choose another runtime pack with --pack.',
    );
  return fail(
    'agent-start',
    `The agent could not be started on ${serial}: ${started.value.stderr.trim() || `exit code ${started.value.exitCode}`}.`,
    'Run `npm run doctor`.',
  );
}

/**
 * The launch command with the phone's folders in it. Its environment is for Node alone: Android's own programs
 * would take a pack's libraries for theirs.
 */
function launchOf({ launch, runtimeSetId }: Deployment): {
  readonly program: string;
  readonly command: string;
} {
  const folders = { pack: runtimeSetId === null ? '' : setFolder(runtimeSetId), home: AGENT_HOME };
  const place = (word: string): string => shellQuote(placed(word, folders));
  const words = launch.command.map(place);
  const variables = Object.entries(launch.environment).map(([name, value]) => `${name}=${place(value)}`);
  const command = [...(variables.length === 0 ? [] : ['env', ...variables]), ...words].join(' ');
  return { program: words[0] ?? '', command };
}

export interface StartingAgent {
  readonly state: AgentStateFile | null;
  readonly isAlive: boolean;
}

/** Looks whether a started agent listens by now, and whether its process still runs. */
export async function lookAtStart(
  link: PhoneLink,
  serial: string,
  pid: number,
): Promise<Result<StartingAgent>> {
  const script = `cat ${AGENT_HOME}/${AGENT_STATE_FILE} 2>/dev/null; echo; echo ---; kill -0 ${pid} 2>/dev/null && echo alive; true`;
  const output = await link.shell(serial, script);
  if (!output.ok) return output;
  const [json = '', alive = ''] = output.value.stdout.split('---\n');
  const state = json.trim() === '' ? null : parseJsonWith(agentStateFileSchema, json, AGENT_STATE_FILE);
  return ok({ state: state?.ok === true ? state.value : null, isAlive: alive.includes('alive') });
}

/** The last lines of the agent's log; of the one before where the newest is empty. */
export async function readAgentLog(
  link: PhoneLink,
  serial: string,
  lines: number,
): Promise<Result<string[]>> {
  const script = `cd ${AGENT_HOME} 2>/dev/null && if [ -s ${LOG} ]; then tail -n ${lines} ${LOG}; else tail -n ${lines} ${LOG}.1; fi 2>/dev/null; true`;
  const output = await link.shell(serial, script);
  if (!output.ok) return output;
  return ok(output.value.stdout.split('\n').filter((line, i, all) => line !== '' || i < all.length - 1));
}

/** Why the agent ended, by its log and the phone's. `pid` null = not known. */
export async function explainCrash(link: PhoneLink, serial: string, pid: number | null): Promise<ExitReason> {
  const log = await readAgentLog(link, serial, 60);
  const system =
    pid === null ? null : await link.shell(serial, `logcat -d -t ${SYSTEM_LOG_LINES} 2>/dev/null`);
  const ending = pid !== null && system?.ok === true ? findEnding(system.value.stdout, pid) : null;
  return explainExit(log.ok ? log.value : [], ending);
}

/** Ends an agent: asks, waits up to 4 s, then kills. */
export async function stopAgent(link: PhoneLink, serial: string, pid: number): Promise<Result<null>> {
  const script = [
    `kill ${pid} 2>/dev/null`,
    `i=0; while [ $i -lt 40 ] && kill -0 ${pid} 2>/dev/null; do sleep 0.1; i=$((i+1)); done`,
    `kill -9 ${pid} 2>/dev/null`,
    `rm -f ${AGENT_HOME}/${AGENT_STATE_FILE}`,
    'true',
  ].join('\n');
  const output = await link.shell(serial, script);
  return output.ok ? ok(null) : output;
}
