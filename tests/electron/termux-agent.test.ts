import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { unwrap } from '../../core/result.ts';
import type { Deployment } from '../../electron/agent/agent-on-phone.ts';
import { AgentSession } from '../../electron/agent/agent-session.ts';
import { openTokenStore } from '../../electron/agent/token-store.ts';
import { fakeDeployment } from './fake-desktop.ts';
import { embeddedDoor, type PhoneDoor } from './phone-doors.ts';
import { until } from './until.ts';

let door: PhoneDoor;
let deployment: Deployment;
let instructions: string[];
let session: AgentSession;

beforeEach(async () => {
  door = await embeddedDoor();
  instructions = [];
  deployment = { ...(await fakeDeployment(door)), byHand: true };
  session = new AgentSession({
    link: door.link,
    serial: door.serial,
    deployment,
    tokens: await openTokenStore(join(door.folder, 'tokens.json')),
    onPhase: () => undefined,
    onHealth: () => undefined,
    onEvent: () => undefined,
    onInstruction: (text) => instructions.push(text),
  });
});
afterEach(async () => {
  await session.detach();
  await door.close();
});

/** The app: a home and a user of its own; the line is typed there and runs on. */
function paste(line: string): void {
  const script = `export HOME=/sdcard/termux; mkdir -p $HOME; ${line}`;
  void door.link.shell(door.serial, script, { timeoutMs: null });
}

test('the line that is shown starts an agent in another home, and the session takes it up', async () => {
  const opening = session.open();
  await until('the line is shown', () => instructions.length > 0);
  const [, line = ''] = /^Open Termux on \S+ and paste: (.+)$/.exec(instructions[0] ?? '') ?? [];
  expect(line).toMatch(
    /^pkg install -y nodejs-lts; BUNGEE_TOKEN=\S{16,} sh \/data\/local\/tmp\/bungee\/termux\.sh$/,
  );
  paste(line);
  unwrap(await opening);
  const messages = [{ role: 'user' as const, content: 'hello' }];
  const answer = await session.client?.chat({
    messages,
    maxTokens: 4,
    app: 'gmail',
    slo: { ttft: 0.2 },
    requestId: 'request-1',
  });
  expect(answer?.ok).toBe(true);
  expect(instructions).toHaveLength(1);
  const home = unwrap(await door.link.shell(door.serial, 'ls /sdcard/termux/bungee')).stdout;
  expect(home.split('\n')).toEqual(expect.arrayContaining(['home', deployment.agentSetId]));
  // The script may be read by other apps.
  const script = unwrap(await door.link.shell(door.serial, 'cat /data/local/tmp/bungee/termux.sh')).stdout;
  expect(script).not.toContain(session.agent?.token ?? 'none');
});

test('waiting for the user is cancelled at once', async () => {
  const abort = new AbortController();
  const opening = session.open(abort.signal);
  await until('the line is shown', () => instructions.length > 0);
  abort.abort();
  const opened = await opening;
  expect(opened.ok ? null : opened.failure.code).toBe('aborted');
});
