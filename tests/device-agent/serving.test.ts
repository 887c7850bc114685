import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AgentEvent } from '../../core/agent-event.ts';
import { QUEUE_CAPACITY } from '../../device-agent/orchestrator/orchestrator.ts';
import { finished, readEvents, startTestAgent, type TestAgent } from './support/start-test-agent.ts';
import { makeTinyBundle, type TinyBundle } from './support/tiny-bundle.ts';

let bundle: TinyBundle;
let agent: TestAgent;
const messages = [{ role: 'user', content: 'Hello' }];
/** Long enough to be interrupted: greedy text of the tiny model never reaches its end token. */
const LONG = { messages, max_tokens: 3900, temperature: 0 };

beforeAll(async () => {
  bundle = await makeTinyBundle('f32', { contextLength: 4096 });
  agent = await startTestAgent(bundle);
});
afterAll(async () => {
  await agent.stop();
  bundle.remove();
});

async function serve(body: object): Promise<string> {
  const response = await agent.post('/v1/chat/completions', {
    messages,
    max_tokens: 3,
    temperature: 0,
    ...body,
  });
  expect(response.status).toBe(200);
  return ((await response.json()) as { id: string }).id;
}

/** Sequence number of an event that came just now. */
async function latestSeq(): Promise<number> {
  const askedAtMs = performance.now();
  await agent.post('/level', { level: null });
  // Telemetry may come behind it in the same read.
  const isAnswer = ({ type, atMs }: AgentEvent): boolean => type === 'level-pinned' && atMs >= askedAtMs;
  const events = await readEvents(agent, -1, (seen) => seen.some(isAnswer));
  return events.find(isAnswer)?.seq ?? -1;
}

const typesOf = (events: readonly AgentEvent[], requestId: string): string[] =>
  events.filter((event) => 'requestId' in event && event.requestId === requestId).map((event) => event.type);

describe('X-Request-Id', () => {
  const named = (id: string, body: object): Promise<Response> =>
    agent.post(
      '/v1/chat/completions',
      { messages, max_tokens: 2, ...body },
      { headers: { 'x-request-id': id } },
    );

  test('the client’s id is the id of events, chunks and response', async () => {
    const from = await latestSeq();
    for (const stream of [false, true]) {
      const id = `run-7-request-${stream ? 'b' : 'a'}`;
      const response = await named(id, { stream });
      expect(response.headers.get('x-request-id')).toBe(id);
      expect(await response.text()).toContain(`"id":"${id}"`);
      expect(typesOf(await readEvents(agent, from, finished(id)), id)).toContain('request-queued');
    }
  });

  test('an unfit id, or one that is in use, is replaced', async () => {
    const bad = await named('no spaces, please', {});
    expect(bad.headers.get('x-request-id')).toMatch(/^chatcmpl-/);
    const from = await latestSeq();
    const first = await named('twice-the-same', { ...LONG, stream: true });
    expect(first.headers.get('x-request-id')).toBe('twice-the-same');
    const second = named('twice-the-same', {});
    await readEvents(agent, from, (seen) =>
      seen.some((event) => event.type === 'request-queued' && event.requestId.startsWith('chatcmpl-')),
    );
    await first.body?.cancel();
    expect((await second).headers.get('x-request-id')).toMatch(/^chatcmpl-/);
  });
});

describe('GET /events', () => {
  test('tells a request’s life in order, without gaps', async () => {
    const from = await latestSeq();
    const id = await serve({ elastic: { app: 'gmail' }, slo: { ttft: 0.6 } });
    const events = await readEvents(agent, from, finished(id));
    expect(typesOf(events, id)).toEqual([
      'request-queued',
      'request-started',
      'level-switched',
      'token',
      'token',
      'token',
      'request-finished',
    ]);
    expect(events.map((event) => event.seq)).toEqual(events.map((_, i) => from + 1 + i));
    const times = events.map((event) => event.atMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(events.find((event) => event.type === 'request-queued')).toMatchObject({
      app: 'gmail',
      slo: { ttft: 0.6 },
    });
    expect(events.find((event) => event.type === 'level-switched')).toMatchObject({ from: 100, to: 60 });
    const end = events.find((event) => event.type === 'request-finished');
    expect(end).toMatchObject({
      outcome: 'completed',
      finishReason: 'length',
      usage: { completion_tokens: 3 },
    });
  });

  test('a client that returns gets what it missed, once', async () => {
    const from = await latestSeq();
    const id = await serve({});
    const first = await readEvents(agent, from, (events) => events.length >= 3);
    const middle = first[2]?.seq ?? 0;
    const rest = await readEvents(agent, middle, finished(id));
    expect(rest[0]?.seq).toBe(middle + 1);
    expect(typesOf([...first.slice(0, 3), ...rest], id).filter((type) => type === 'token')).toHaveLength(3);
  });

  test('reports telemetry', async () => {
    const [event] = (
      await readEvents(agent, -1, (events) => events.some(({ type }) => type === 'telemetry'))
    ).filter(({ type }) => type === 'telemetry');
    expect(event).toMatchObject({ type: 'telemetry', queueLength: 0 });
    if (event?.type !== 'telemetry') throw new Error('telemetry');
    expect(event.rssBytes).toBeGreaterThan(10_000_000);
    if (event.pssBytes !== null) expect(event.pssBytes).toBeLessThanOrEqual(event.rssBytes * 1.1);
  });
});

describe('levels', () => {
  test('a pinned level serves every request until it is released', async () => {
    const levelOf = async (body: object): Promise<unknown> => {
      const response = await agent.post('/v1/chat/completions', { messages, max_tokens: 1, ...body });
      const { elastic } = (await response.json()) as {
        elastic: { strategy: { modelLevel: number }; decidedBy: string };
      };
      return [elastic.strategy.modelLevel, elastic.decidedBy];
    };
    const pinned = await agent.post('/level', { level: 40 });
    expect(await pinned.json()).toMatchObject({ pinned: 40 });
    expect(await levelOf({ slo: { ttft: 1 } })).toEqual([40, 'pinned']);
    expect(await (await agent.call('/level')).json()).toMatchObject({ pinned: 40 });
    expect(await (await agent.call('/health')).json()).toMatchObject({ pinnedLevel: 40 });
    await agent.post('/level', { level: null });
    expect(await levelOf({})).toEqual([100, 'no-slo']);
    expect(await levelOf({ elastic: { level: 70 } })).toEqual([70, 'request']);
  });

  test('a level’s text does not depend on what was served before', async () => {
    const textAt = async (level: number): Promise<string> => {
      const body = { messages, max_tokens: 10, temperature: 0, elastic: { level } };
      const response = await agent.post('/v1/chat/completions', body);
      return ((await response.json()) as { choices: { message: { content: string } }[] }).choices[0]?.message
        .content as string;
    };
    const before = await textAt(30);
    await textAt(100);
    await textAt(20);
    expect(await textAt(30)).toBe(before);
  });
});

describe('clients that go away', () => {
  test('mid-stream: the run is cancelled and the next request is served', async () => {
    const from = await latestSeq();
    const controller = new AbortController();
    const response = await agent.post(
      '/v1/chat/completions',
      { ...LONG, stream: true },
      { signal: controller.signal },
    );
    const reader = response.body?.getReader();
    const first = new TextDecoder().decode((await reader?.read())?.value);
    const id = /"id":"([^"]+)"/.exec(first)?.[1] ?? '';
    controller.abort();
    const next = await serve({});
    const events = await readEvents(agent, from, finished(next));
    expect(events.find((event) => event.type === 'request-finished' && event.requestId === id)).toMatchObject(
      {
        outcome: 'cancelled',
        finishReason: 'cancelled',
      },
    );
    expect(typesOf(events, id).filter((type) => type === 'token').length).toBeLessThan(LONG.max_tokens / 2);
  });

  test('while waiting: the request is taken out of the queue', async () => {
    const from = await latestSeq();
    const running = new AbortController();
    const waiting = new AbortController();
    const gone = (): null => null;
    const first = agent.post('/v1/chat/completions', LONG, { signal: running.signal }).catch(gone);
    await readEvents(agent, from, (events) => events.some(({ type }) => type === 'request-started'));
    const second = agent.post('/v1/chat/completions', LONG, { signal: waiting.signal }).catch(gone);
    const queued = await readEvents(
      agent,
      from,
      (events) => events.filter(({ type }) => type === 'request-queued').length === 2,
    );
    const ids = queued.flatMap((event) => (event.type === 'request-queued' ? [event.requestId] : []));
    waiting.abort();
    const events = await readEvents(agent, from, finished(ids[1] ?? ''));
    expect(typesOf(events, ids[1] ?? '')).toEqual(['request-queued', 'request-finished']);
    const end = events.find((event) => event.type === 'request-finished');
    expect(end).toMatchObject({ requestId: ids[1], outcome: 'cancelled', report: null, queueLength: 0 });
    running.abort();
    await Promise.all([first, second]);
    await serve({});
  });
});

test('a full queue answers 429 and recovers; waiting requests are served by deadline', async () => {
  const from = await latestSeq();
  const controller = new AbortController();
  const first = agent.post('/v1/chat/completions', LONG, { signal: controller.signal }).catch(() => null);
  await readEvents(agent, from, (events) => events.some(({ type }) => type === 'request-started'));
  // ms bounds without a profile: deadlines differ, levels do not.
  const bounds = Array.from(
    { length: QUEUE_CAPACITY },
    (_, i) => 3_000_000 - ((i * 7) % QUEUE_CAPACITY) * 30_000,
  );
  const waiting = bounds.map((ttftMs) =>
    agent.post('/v1/chat/completions', { messages, max_tokens: 1, slo: { ttftMs } }),
  );
  const isQueued = ({ type }: AgentEvent): boolean => type === 'request-queued';
  await readEvents(agent, from, (events) => events.filter(isQueued).length === QUEUE_CAPACITY + 1);
  const refused = await agent.post('/v1/chat/completions', LONG);
  expect(refused.status).toBe(429);
  expect(refused.headers.get('retry-after')).toBe('1');
  expect(await refused.json()).toMatchObject({ error: { type: 'rate_limit_error', code: 'queue_full' } });
  controller.abort();
  await first;
  for (const response of await Promise.all(waiting)) {
    expect(response.status).toBe(200);
    await response.arrayBuffer();
  }
  const events = await readEvents(
    agent,
    from,
    (seen) => seen.filter(({ type }) => type === 'request-finished').length === QUEUE_CAPACITY + 1,
  );
  const served = events.flatMap((event) =>
    event.type === 'request-started' && event.decision.slo !== null ? [event.decision.slo.ttftMs ?? 0] : [],
  );
  // Bounds are 30 s apart, arrivals far less: the order of deadlines is the order of bounds.
  expect(served).toEqual([...bounds].sort((a, b) => a - b));
});

test('GET /metrics speaks Prometheus with vLLM’s names', async () => {
  await serve({ slo: { ttftMs: 60_000 } });
  const text = await (await agent.call('/metrics')).text();
  for (const name of [
    'vllm:num_requests_running',
    'vllm:num_requests_waiting',
    'vllm:time_to_first_token_seconds_count',
    'vllm:request_time_per_output_token_seconds_count',
    'vllm:e2e_request_latency_seconds_sum',
    'vllm:request_success_total',
    'bungee_level',
  ])
    expect(text).toMatch(new RegExp(`^${name}\\{[^}]*model_name="tiny-random"[^}]*\\} \\d`, 'm'));
  expect(text).toMatch(/^bungee_slo_judged_total\{result="hit".*\} [1-9]/m);
});
