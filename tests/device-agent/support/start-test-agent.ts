import { rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import OpenAI from 'openai';
import type { Agent } from '../../../device-agent/index.ts';
import { startAgent } from '../../../device-agent/index.ts';
import { agentEventSchema, type AgentEvent } from '../../../core/agent-event.ts';
import { unwrap } from '../../../core/result.ts';
import { buildAgentFile } from './build-worker.ts';
import type { TinyBundle } from './tiny-bundle.ts';

export const TEST_TOKEN = 'test-token-of-this-agent';

export interface TestAgent {
  readonly agent: Agent;
  readonly baseUrl: string;
  readonly home: string;
  readonly openai: OpenAI;
  readonly lines: string[];
  /** Authorized fetch of a path. */
  readonly call: (path: string, init?: RequestInit) => Promise<Response>;
  readonly post: (path: string, body: unknown, init?: RequestInit) => Promise<Response>;
  readonly stop: () => Promise<void>;
}

export interface TestAgentOptions {
  readonly home?: string;
  readonly port?: number;
  /** JavaScript that runs in the worker before the engine's own code; sees `parentPort`. */
  readonly workerPrelude?: string;
  readonly guardCorrection?: boolean;
  /** Return before the bundle is loaded. */
  readonly dontWait?: boolean;
}

/** The agent in this process, its engine in a real worker. */
export async function startTestAgent(bundle: TinyBundle, options: TestAgentOptions = {}): Promise<TestAgent> {
  const built = await buildAgentFile('engine-worker');
  let workerFile = built;
  if (options.workerPrelude !== undefined) {
    workerFile = join(dirname(built), 'with-prelude.mjs');
    const source = `import { parentPort } from 'node:worker_threads';\n${options.workerPrelude}\nawait import(${JSON.stringify(pathToFileURL(built).href)});\n`;
    writeFileSync(workerFile, source);
  }
  const home = options.home ?? bundle.newHome();
  const lines: string[] = [];
  const agent = unwrap(
    await startAgent({
      bundleDir: bundle.dir,
      home,
      port: options.port ?? 0,
      threads: 1,
      segmentForm: 'auto',
      guardCorrection: options.guardCorrection ?? true,
      token: TEST_TOKEN,
      workerFile,
      log: (line) => lines.push(line),
    }),
  );
  if (options.dontWait !== true) unwrap(await agent.loaded);
  const baseUrl = `http://127.0.0.1:${agent.port}`;
  const headers = { authorization: `Bearer ${TEST_TOKEN}` };
  const call = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${baseUrl}${path}`, {
      ...init,
      headers: { ...headers, ...(init.headers as Record<string, string>) },
    });
  return {
    agent,
    baseUrl,
    home,
    lines,
    openai: new OpenAI({ apiKey: TEST_TOKEN, baseURL: `${baseUrl}/v1`, maxRetries: 0 }),
    call,
    post: (path, body, init = {}) => call(path, { ...init, method: 'POST', body: JSON.stringify(body) }),
    stop: async () => {
      await agent.stop();
      rmSync(dirname(built), { recursive: true, force: true });
    },
  };
}

/** Reads `GET /events` until `enough` says so; every event is checked against the contract. */
export async function readEvents(
  { call }: TestAgent,
  lastEventId: number,
  enough: (events: readonly AgentEvent[]) => boolean,
): Promise<AgentEvent[]> {
  const response = await call('/events', { headers: { 'last-event-id': String(lastEventId) } });
  const events: AgentEvent[] = [];
  const reader = response.body?.getReader();
  if (reader === undefined) throw new Error('no body');
  const decoder = new TextDecoder();
  let buffered = '';
  while (!enough(events)) {
    const { done, value } = await reader.read();
    if (done) throw new Error('the event stream ended');
    buffered += decoder.decode(value, { stream: true });
    const blocks = buffered.split('\n\n');
    buffered = blocks.pop() ?? '';
    for (const block of blocks) {
      const id = /^id: (\d+)$/m.exec(block)?.[1];
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data === undefined) continue;
      const event = agentEventSchema.parse(JSON.parse(data));
      if (String(event.seq) !== id) throw new Error(`event ${event.seq} came with id ${id}`);
      events.push(event);
    }
  }
  await reader.cancel();
  return events;
}

export function finished(requestId: string): (events: readonly AgentEvent[]) => boolean {
  return (events) =>
    events.some((event) => event.type === 'request-finished' && event.requestId === requestId);
}
