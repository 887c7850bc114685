import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apiErrorSchema, MAX_BODY_BYTES } from '../../core/agent-api.ts';
import { startTestAgent, TEST_TOKEN, type TestAgent } from './support/start-test-agent.ts';
import { makeTinyBundle, type TinyBundle } from './support/tiny-bundle.ts';

let bundle: TinyBundle;
let agent: TestAgent;
const messages = [{ role: 'user', content: 'Hello' }];

beforeAll(async () => {
  bundle = await makeTinyBundle('f32');
  agent = await startTestAgent(bundle);
});
afterAll(async () => {
  await agent.stop();
  bundle.remove();
});

interface RawAnswer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
  readonly bytesSent: number;
}

/** A raw request, for headers and bodies that fetch does not send. */
function raw(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: Iterable<Buffer> },
): Promise<RawAnswer> {
  const { port } = agent.agent;
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({
      host: '127.0.0.1',
      port,
      path,
      method: options.method ?? 'GET',
      agent: false,
      headers: { authorization: `Bearer ${TEST_TOKEN}`, ...options.headers },
    });
    let answered = false;
    let bytesSent = 0;
    outgoing.on('response', (response) => {
      answered = true;
      let body = '';
      const finish = (): void => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body, bytesSent });
        outgoing.destroy();
      };
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', finish);
      response.on('error', finish);
    });
    outgoing.on('error', (error) => {
      if (!answered) reject(error);
    });
    const chunks = (options.body ?? [])[Symbol.iterator]();
    const send = (): void => {
      const next = chunks.next();
      if (answered || next.done === true) return void outgoing.end();
      bytesSent += next.value.length;
      outgoing.write(next.value, () => setImmediate(send));
    };
    send();
  });
}

async function nextRequestIsServed(): Promise<void> {
  const response = await agent.post('/v1/chat/completions', { messages, max_tokens: 1 });
  expect(response.status).toBe(200);
  await response.arrayBuffer();
}

describe('requests that are wrong', () => {
  const chat = (body: object): [string, unknown] => [
    '/v1/chat/completions',
    { messages, max_tokens: 2, ...body },
  ];
  const complete = (body: object): [string, unknown] => [
    '/v1/completions',
    { prompt: 'a', max_tokens: 2, ...body },
  ];
  test.each<[string, [string, unknown], number, string, string]>([
    ['no messages', ['/v1/chat/completions', {}], 400, 'invalid_value', 'messages'],
    ['empty messages', chat({ messages: [] }), 400, 'invalid_value', 'at least one message'],
    ['unknown role', chat({ messages: [{ role: 'king', content: 'x' }] }), 400, 'invalid_value', 'role'],
    ['no body', ['/v1/chat/completions', undefined], 400, 'invalid_value', 'request'],
    ['body that is no object', ['/v1/chat/completions', [1]], 400, 'invalid_value', 'request'],
    ['negative temperature', chat({ temperature: -1 }), 400, 'invalid_value', 'temperature'],
    ['top_p of 0', chat({ top_p: 0 }), 400, 'invalid_value', 'top_p'],
    ['no tokens wanted', chat({ max_tokens: 0 }), 400, 'invalid_value', 'max_tokens'],
    ['two choices', chat({ n: 2 }), 400, 'invalid_value', 'only n = 1'],
    ['unknown level', chat({ elastic: { level: 55 } }), 400, 'invalid_value', 'unknown level'],
    ['SLO of zero', chat({ slo: { ttft: 0 } }), 400, 'invalid_value', 'slo.ttft: must be greater than 0'],
    ['negative SLO', chat({ slo: { tpot: -0.5 } }), 400, 'invalid_value', 'slo.tpot'],
    ['SLO that is text', chat({ slo: { ttft: 'NaN' } }), 400, 'invalid_value', 'slo.ttft: must be a number'],
    ['SLO with an unknown name', chat({ slo: { tfft: 1 } }), 400, 'invalid_value', 'tfft'],
    ['ratio and ms at once', chat({ slo: { ttft: 1, ttftMs: 5 } }), 400, 'invalid_value', 'not both'],
    ['another model', chat({ model: 'gpt-4o' }), 404, 'model_not_found', 'tiny-random'],
    [
      'prompt longer than the context',
      complete({ prompt: Array.from({ length: 600 }, () => 1) }),
      400,
      'context_length_exceeded',
      '512',
    ],
    ['too many tokens wanted', complete({ max_tokens: 512 }), 400, 'context_length_exceeded', 'max_tokens'],
    ['token outside of the vocabulary', complete({ prompt: [1, 99_999] }), 400, 'invalid_value', '99999'],
    ['negative token', complete({ prompt: [-1] }), 400, 'invalid_value', 'prompt'],
    ['pin of an unknown level', ['/level', { level: 15 }], 400, 'invalid_value', 'level'],
    ['pin without a level', ['/level', {}], 400, 'invalid_value', 'level'],
    ['profile mode', ['/profile', { mode: 'slow' }], 400, 'invalid_value', 'mode'],
    ['profile threads', ['/profile', { threads: [0] }], 400, 'invalid_value', 'threads'],
    ['unknown route', ['/v1/embeddings', {}], 404, 'unknown_url', '/v1/embeddings'],
  ])('%s', async (_name, [path, body], status, code, message) => {
    const response = await agent.post(path, body);
    const { error } = apiErrorSchema.parse(await response.json());
    expect([response.status, error.code]).toEqual([status, code]);
    expect(error.message).toContain(message);
    expect(error.message).not.toContain('\n');
    await nextRequestIsServed();
  });

  test.each(['{"messages": [', '{"slo":{"ttft":NaN}}', 'hello', '\u0000'])(
    'malformed JSON %j',
    async (body) => {
      const response = await agent.call('/v1/chat/completions', { method: 'POST', body });
      const { error } = apiErrorSchema.parse(await response.json());
      expect([response.status, error.code]).toEqual([400, 'invalid_json']);
    },
  );

  test('Last-Event-ID that is no number', async () => {
    const response = await agent.call('/events', { headers: { 'last-event-id': 'x' } });
    expect(response.status).toBe(400);
    await response.arrayBuffer();
  });
});

describe('bodies that are too large', () => {
  const chunk = Buffer.alloc(256 * 1024, 0x20);
  function* chunks(totalBytes: number): Iterable<Buffer> {
    for (let sent = 0; sent < totalBytes; sent += chunk.length) yield chunk;
  }
  const HUGE_BYTES = 100 * 1024 * 1024;

  test('a declared length of 100 MB is refused before the body is read', async () => {
    const headers = { 'content-type': 'application/json', 'content-length': String(HUGE_BYTES) };
    const answer = await raw('/v1/chat/completions', { method: 'POST', headers, body: chunks(HUGE_BYTES) });
    expect(answer.status).toBe(413);
    expect(answer.body).toContain(String(MAX_BODY_BYTES));
    expect(answer.bytesSent).toBeLessThan(HUGE_BYTES / 2);
    await nextRequestIsServed();
  });

  test('an undeclared length is refused once it exceeds the limit', async () => {
    const answer = await raw('/v1/completions', { method: 'POST', body: chunks(HUGE_BYTES) });
    expect(answer.status).toBe(413);
    expect(answer.bytesSent).toBeLessThan(HUGE_BYTES / 2);
    await nextRequestIsServed();
  });
});

describe('who may ask', () => {
  const routes: [string, string][] = [
    ['GET', '/health'],
    ['GET', '/v1/models'],
    ['GET', '/metrics'],
    ['GET', '/events'],
    ['GET', '/level'],
    ['POST', '/level'],
    ['GET', '/profile'],
    ['POST', '/profile'],
    ['POST', '/v1/chat/completions'],
    ['POST', '/v1/completions'],
    ['GET', '/nowhere'],
  ];
  test.each(routes)('%s %s wants the token', async (method, path) => {
    for (const authorization of ['', 'Bearer wrong', `Basic ${TEST_TOKEN}`, `Bearer ${TEST_TOKEN}x`]) {
      const answer = await raw(path, { method, headers: { authorization } });
      expect(answer.status).toBe(401);
      expect(apiErrorSchema.parse(JSON.parse(answer.body)).error.code).toBe('invalid_api_key');
    }
  });

  test.each<[string, number]>([
    ['127.0.0.1:5000', 200],
    ['localhost', 200],
    ['LOCALHOST:80', 200],
    ['evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['localhost.evil.example:80', 403],
  ])('host %s is answered with %i', async (host, status) => {
    expect((await raw('/health', { headers: { host } })).status).toBe(status);
  });
});
