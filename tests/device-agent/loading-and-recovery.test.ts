import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { healthSchema } from '../../core/agent-api.ts';
import { startTestAgent, type TestAgent } from './support/start-test-agent.ts';
import { makeTinyBundle, type TinyBundle } from './support/tiny-bundle.ts';

let bundle: TinyBundle;
const messages = [{ role: 'user', content: 'Hello' }];

beforeAll(async () => {
  bundle = await makeTinyBundle('int8');
});
afterAll(() => bundle.remove());

async function healthOf({ call }: TestAgent): Promise<ReturnType<typeof healthSchema.parse>> {
  return healthSchema.parse(await (await call('/health')).json());
}

/** The worker dies of an uncaught error when a request wants exactly this many tokens. */
const DEADLY_TOKENS = 13;
const dyingWorker = `
  const on = parentPort.on.bind(parentPort);
  parentPort.on = (name, listener) => on(name, (message) => {
    if (message.kind === 'generate' && message.request.maxTokens === ${DEADLY_TOKENS})
      setImmediate(() => { throw new Error('made to die'); });
    listener(message);
  });`;

describe('when the engine worker dies', () => {
  test('the request under way fails with 500, waiting and later ones are served', async () => {
    const agent = await startTestAgent(bundle, { workerPrelude: dyingWorker });
    const deadly = agent.post('/v1/chat/completions', { messages, max_tokens: DEADLY_TOKENS });
    const waiting = agent.post('/v1/chat/completions', { messages, max_tokens: 2 });
    const failed = await deadly;
    expect(failed.status).toBe(500);
    expect(await failed.json()).toMatchObject({ error: { type: 'server_error' } });
    expect((await waiting).status).toBe(200);
    const again = await agent.post('/v1/chat/completions', { messages, max_tokens: DEADLY_TOKENS });
    expect(again.status).toBe(500);
    const last = await agent.post('/v1/chat/completions', { messages, max_tokens: 2 });
    expect(last.status).toBe(200);
    expect((await healthOf(agent)).status).toBe('ready');
    expect(agent.lines.join('\n')).toContain('made to die');
    await agent.stop();
  });

  test('a stream that has begun ends with an error event', async () => {
    const dieAtThirdToken = `
      const post = parentPort.postMessage.bind(parentPort);
      parentPort.postMessage = (message) => {
        post(message);
        if (message.kind === 'token' && message.token.index === 2) setImmediate(() => { throw new Error('made to die'); });
      };`;
    const agent = await startTestAgent(bundle, { workerPrelude: dieAtThirdToken });
    const response = await agent.post('/v1/chat/completions', {
      messages,
      max_tokens: 400,
      temperature: 0,
      stream: true,
    });
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).toContain('"type":"server_error"');
    expect(text).not.toContain('[DONE]');
    await agent.stop();
  });

  test('an engine that cannot be opened again leaves the agent failed, and it says so', async () => {
    // Dies at the first request; the session is then refused, because the weights are gone.
    const home = bundle.newHome();
    const dir = join(home, 'bundle');
    cpSync(bundle.dir, dir, { recursive: true });
    const agent = await startTestAgent({ ...bundle, dir }, { workerPrelude: dyingWorker, home });
    writeFileSync(join(dir, bundle.manifest.graph.weights), 'cut');
    const failed = await agent.post('/v1/chat/completions', { messages, max_tokens: DEADLY_TOKENS });
    expect(failed.status).toBe(500);
    await failed.arrayBuffer();
    let health = await healthOf(agent);
    while (health.status === 'loading') health = await healthOf(agent);
    expect(health.status).toBe('failed');
    expect(health.failure).toContain('weights.bin has 3 bytes');
    const refused = await agent.post('/v1/chat/completions', { messages });
    expect(refused.status).toBe(503);
    await agent.stop();
  });
});

describe('while the bundle loads', () => {
  const slowWorker = `
    const on = parentPort.on.bind(parentPort);
    parentPort.on = (name, listener) => on(name, (message) => {
      if (message.kind === 'open') setTimeout(() => listener(message), 1500);
      else listener(message);
    });`;

  test('health says loading and requests get 503 with Retry-After', async () => {
    const agent = await startTestAgent(bundle, { workerPrelude: slowWorker, dontWait: true });
    expect(await healthOf(agent)).toMatchObject({
      status: 'loading',
      loadMs: null,
      bundleId: bundle.manifest.bundleId,
    });
    for (const path of ['/v1/chat/completions', '/v1/completions', '/profile', '/level']) {
      const response = await agent.post(path, {});
      expect(response.status).toBe(503);
      expect(response.headers.get('retry-after')).toBe('1');
      await response.arrayBuffer();
    }
    await agent.agent.loaded;
    expect(await healthOf(agent)).toMatchObject({ status: 'ready', segmentForm: 'zero-row' });
    expect((await agent.post('/v1/chat/completions', { messages, max_tokens: 1 })).status).toBe(200);
    await agent.stop();
  });

  test('agent.json tells the desktop how to reach it and goes away with it', async () => {
    const agent = await startTestAgent(bundle);
    const state = JSON.parse(readFileSync(join(agent.home, 'agent.json'), 'utf8')) as Record<string, unknown>;
    expect(state).toMatchObject({
      pid: process.pid,
      port: agent.agent.port,
      bundleId: bundle.manifest.bundleId,
    });
    await agent.stop();
    expect(() => readFileSync(join(agent.home, 'agent.json'))).toThrow('ENOENT');
  });
});

describe('a damaged bundle', () => {
  test.each<[string, (manifest: TinyBundle['manifest']) => string, string]>([
    ['weights', (manifest) => manifest.graph.weights, 'weights.bin'],
    ['tokenizer', (manifest) => manifest.tokenizer.file, 'tokenizer.json'],
  ])('%s: the first wrong file is named', async (_name, file, message) => {
    const home = bundle.newHome();
    const dir = join(home, 'bundle');
    cpSync(bundle.dir, dir, { recursive: true });
    const path = join(dir, file(bundle.manifest));
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    const agent = await startTestAgent({ ...bundle, dir }, { home, dontWait: true });
    const loaded = await agent.agent.loaded;
    expect(loaded).toMatchObject({ ok: false, failure: { code: 'bundle-corrupt' } });
    expect(loaded.ok ? '' : loaded.failure.message).toContain(message);
    await agent.stop();
  });
});
