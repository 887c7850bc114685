import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AgentEvent } from '../../core/agent-event.ts';
import { unwrap, type Failure } from '../../core/result.ts';
import { findAgent, readAgentLog, type Deployment } from '../../electron/agent/agent-on-phone.ts';
import { AgentSession, type AgentPhase } from '../../electron/agent/agent-session.ts';
import { openTokenStore } from '../../electron/agent/token-store.ts';
import { AGENT_HOME } from '../../electron/push/phone-layout.ts';
import { fakeDeployment } from './fake-desktop.ts';
import { embeddedDoor, type PhoneDoor } from './phone-doors.ts';
import { until } from './until.ts';

let door: PhoneDoor;
let deployment: Deployment;
const opened: Watched[] = [];

interface Watched {
  readonly session: AgentSession;
  readonly phases: { phase: AgentPhase; failure: Failure | null }[];
  readonly events: AgentEvent[];
}

beforeEach(async () => {
  door = await embeddedDoor();
  deployment = await fakeDeployment(door);
});
afterEach(async () => {
  for (const { session } of opened.splice(0)) await session.detach();
  await door.close();
});

async function watched(): Promise<Watched> {
  const tokens = await openTokenStore(join(door.folder, 'tokens.json'));
  const phases: Watched['phases'] = [];
  const events: AgentEvent[] = [];
  const session = new AgentSession({
    link: door.link,
    serial: door.serial,
    deployment,
    tokens,
    onPhase: (phase, failure) => phases.push({ phase, failure }),
    onHealth: () => undefined,
    onInstruction: () => undefined,
    onEvent: (event) => events.push(event),
  });
  const it = { session, phases, events };
  opened.push(it);
  return it;
}

function ask(session: AgentSession, prompt: string) {
  const { client } = session;
  if (client === null) throw new Error('no agent');
  const messages = [{ role: 'user' as const, content: prompt }];
  return client.chat({ messages, maxTokens: 4, app: 'gmail', slo: { ttft: 0.2 }, requestId: 'request-1' });
}

test('starts an agent, talks to it, hears its events and stops it', async () => {
  const { session, phases, events } = await watched();
  unwrap(await session.open());
  expect(phases.map((p) => p.phase)).toEqual(['starting', 'ready']);
  const answer = unwrap(await ask(session, 'hello'));
  expect(answer).toMatchObject({ id: 'request-1', text: 't0 t1 t2 t3 ', finishReason: 'stop' });
  expect(answer.usage?.completion_tokens).toBe(4);
  expect(answer.elastic?.strategy.modelLevel).toBe(20);
  await until('the end is heard', () => events.some((event) => event.type === 'request-finished'));
  expect(events.map((event) => event.seq)).toEqual(events.map((_, i) => i));
  const pid = session.agent?.pid ?? 0;
  await session.stop();
  expect(unwrap(await door.link.shell(door.serial, `kill -0 ${pid}`)).exitCode).not.toBe(0);
  expect(unwrap(await findAgent(door.link, door.serial))).toBeNull();
});

test('no process list and no file but the agent’s own shows the token', async () => {
  const { session } = await watched();
  unwrap(await session.open());
  const token = session.agent?.token ?? 'none';
  const ps = unwrap(await door.link.shell(door.serial, 'ps -A -o PID,ARGS')).stdout;
  expect(ps).toContain('agent.mjs');
  expect(ps).not.toContain(token);
  const log = unwrap(await readAgentLog(door.link, door.serial, 100)).join('\n');
  expect(log).not.toContain(token);
});

test('an agent that was started with other options is replaced, one with the same is found again', async () => {
  const arguments_ = async (): Promise<string> =>
    unwrap(await door.link.shell(door.serial, 'ps -A -o PID,ARGS')).stdout;
  const first = await watched();
  unwrap(await first.session.open());
  const pid = first.session.agent?.pid;
  expect(await arguments_()).not.toContain('--guard-correction');
  await first.session.detach();
  deployment = { ...deployment, guardCorrection: false };
  const second = await watched();
  unwrap(await second.session.open());
  const replacement = second.session.agent?.pid;
  expect(replacement).not.toBe(pid);
  expect(await arguments_()).toContain('--guard-correction off');
  await second.session.detach();
  const third = await watched();
  unwrap(await third.session.open());
  expect(third.session.agent?.pid).toBe(replacement);
  await third.session.stop();
});

test('a killed agent is noticed, explained and restarted; the next request is served', async () => {
  const { session, phases } = await watched();
  unwrap(await session.open());
  const pid = session.agent?.pid ?? 0;
  await door.link.shell(door.serial, `kill -9 ${pid}`);
  await until('it is ready again', () => phases.filter((p) => p.phase === 'ready').length === 2);
  const restart = phases.find((p) => p.phase === 'restarting');
  expect(restart?.failure?.message).toMatch(
    /the phone's log says: process: node \d+ ended by SIGKILL; last line of its log/,
  );
  expect(session.agent?.pid).not.toBe(pid);
  expect(session.restarts).toBe(1);
  expect((await ask(session, 'hello')).ok).toBe(true);
});

test('an agent that crashes on a request fails that request, and says why', async () => {
  const { session, phases } = await watched();
  unwrap(await session.open());
  const answer = await ask(session, 'crash');
  expect(answer.ok ? null : answer.failure.code).toBe('agent-unreachable');
  await until('it is ready again', () => phases.filter((p) => p.phase === 'ready').length === 2);
  expect(phases.find((p) => p.phase === 'restarting')?.failure?.message).toContain(
    'the engine lost its mind',
  );
  expect((await ask(session, 'hello')).ok).toBe(true);
});

test('an agent that cannot start fails the open with the reason from its log', async () => {
  await door.link.shell(door.serial, `mkdir -p ${AGENT_HOME} && touch ${AGENT_HOME}/crash-at-start`);
  const { session } = await watched();
  const result = await session.open();
  expect(result.ok ? null : result.failure).toMatchObject({
    code: 'agent-crashed',
    message: expect.stringContaining('weights.bin is corrupt') as string,
  });
});

test(
  'an agent that crashes again and again is given up after three restarts',
  { timeout: 60_000 },
  async () => {
    const { session, phases } = await watched();
    unwrap(await session.open());
    await door.link.shell(
      door.serial,
      `touch ${AGENT_HOME}/crash-at-start; kill -9 ${session.agent?.pid ?? 0}`,
    );
    await until('it is given up', () => phases.at(-1)?.phase === 'failed', 45_000);
    expect(phases.filter((p) => p.phase === 'restarting')).toHaveLength(3);
    expect(phases.at(-1)?.failure?.message).toMatch(/weights\.bin is corrupt.*restarted 3 times/);
  },
);

test('a phone without node: one clear failure', async () => {
  deployment = { ...deployment, launch: { command: ['nodejs-of-mars'], environment: {} } };
  const result = await (await watched()).session.open();
  expect(result.ok ? null : result.failure.code).toBe('node-missing');
});

describe('an agent that outlives the desktop', () => {
  test('is found again with its process and token', async () => {
    const first = await watched();
    unwrap(await first.session.open());
    const pid = first.session.agent?.pid;
    await first.session.detach();
    const second = await watched();
    unwrap(await second.session.open());
    expect(second.session.agent?.pid).toBe(pid);
    expect((await ask(second.session, 'hello')).ok).toBe(true);
  });

  test('is adopted without a start, and none is when none runs', async () => {
    expect((await (await watched()).session.adopt()).ok).toBe(false);
    const first = await watched();
    unwrap(await first.session.open());
    await first.session.detach();
    const second = await watched();
    unwrap(await second.session.adopt());
    expect((await ask(second.session, 'hello')).ok).toBe(true);
  });

  test('is replaced when our token does not fit, or when it is of other files', async () => {
    const first = await watched();
    unwrap(await first.session.open());
    const pid = first.session.agent?.pid;
    await first.session.detach();
    await writeFile(
      join(door.folder, 'tokens.json'),
      JSON.stringify({ schemaVersion: 1, tokens: { [door.serial]: 'not-the-token-of-that-agent' } }),
    );
    const second = await watched();
    unwrap(await second.session.open());
    expect(second.session.agent?.pid).not.toBe(pid);
    const secondPid = second.session.agent?.pid;
    await second.session.detach();
    deployment = { ...deployment, bundleSetId: 'bundle2' };
    const third = await watched();
    unwrap(await third.session.open());
    expect(third.session.agent?.pid).not.toBe(secondPid);
    const agents = unwrap(await door.link.shell(door.serial, 'ps -A -o ARGS')).stdout.match(/agent\.mjs/g);
    expect(agents).toHaveLength(1);
  });
});

test('an unplugged phone: lost, then the same agent again with the events missed meanwhile', async () => {
  const { session, phases, events } = await watched();
  unwrap(await session.open());
  const pid = session.agent?.pid;
  door.phone.unplug();
  session.phoneIsHere(false);
  await until('it is lost', () => phases.at(-1)?.phase === 'lost');
  expect(session.client).toBeNull();
  door.phone.plug();
  session.phoneIsHere(true);
  await until('it is ready again', () => phases.at(-1)?.phase === 'ready');
  expect(session.agent?.pid).toBe(pid);
  expect(session.restarts).toBe(0);
  unwrap(await ask(session, 'hello'));
  await until('events flow', () => events.some((event) => event.type === 'request-finished'));
});

test('starting is cancelled without leaving a process', async () => {
  const { session } = await watched();
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 60);
  const result = await session.open(abort.signal);
  await session.stop();
  expect(result.ok ? null : result.failure.code).toBe('aborted');
  await until('nothing runs', async () => {
    const ps = unwrap(await door.link.shell(door.serial, 'ps -A -o ARGS')).stdout;
    return !ps.includes('agent.mjs');
  });
});

test('an agent that is killed before it says a word is started once more, and that is told', async () => {
  await door.link.shell(door.serial, `mkdir -p ${AGENT_HOME} && touch ${AGENT_HOME}/killed-at-start`);
  const { session, phases } = await watched();
  unwrap(await session.open());
  expect(phases.map((p) => p.phase)).toEqual(['starting', 'restarting', 'ready']);
  expect(phases[1]?.failure).toMatchObject({
    code: 'agent-killed',
    message: expect.stringMatching(/ended by SIGKILL; its log is empty/) as string,
  });
  expect(session.restarts).toBe(1);
});
