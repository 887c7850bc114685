import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { healthSchema } from '../../core/agent-api.ts';
import {
  candidateOf,
  describeProof,
  providerProofSchema,
  type ProviderProof,
} from '../../core/provider-proof.ts';
import { startTestAgent, type TestAgent } from './support/start-test-agent.ts';
import { makeTinyBundle, type TinyBundle } from './support/tiny-bundle.ts';

describe('POST /proof of an agent', () => {
  let bundle: TinyBundle;
  let agent: TestAgent;
  beforeAll(async () => {
    bundle = await makeTinyBundle('int8');
    agent = await startTestAgent(bundle);
  });
  afterAll(async () => {
    await agent.stop();
    bundle.remove();
  });

  const proveOver = async (from: TestAgent, body: object = {}): Promise<ProviderProof> =>
    providerProofSchema.parse(await (await from.post('/proof', body)).json());

  test('there is none before the first', async () => {
    const response = await agent.call('/proof');
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { code: 'no_proof' } });
  });

  test.each([
    ['nnapi-absent', 'not-in-library', null],
    ['nnapi-declines', 'declined', { nodesOnProvider: 0, share: 0 }],
    ['nnapi-wrong-numerics', 'wrong-numerics', { share: 1 }],
  ] as const)(
    'a made-up case is told as simulated and leaves no trace: %s',
    async (simulate, verdict, placement) => {
      const proof = await proveOver(agent, { simulate });
      const nnapi = candidateOf(proof, 'nnapi');
      expect(proof.simulated).toBe(simulate);
      expect(nnapi?.verdict).toBe(verdict);
      if (placement !== null) expect(nnapi?.placement).toMatchObject(placement);
      expect(nnapi?.speed).toBeNull();
      expect(proof.chosen).toEqual({ prefill: 'cpu', decode: 'cpu' });
      expect(describeProof(proof)[0]).toContain('SIMULATED');
      expect((await agent.call('/proof')).status).toBe(404);
      expect(readdirSync(agent.home)).not.toContain('proofs');
    },
  );

  test('the stock runtime has the CPU only; it is measured, stored and answered with again', async () => {
    const body = { serial: 'v1', deviceModel: 'Virtual', virtual: true, systemBuild: 'b1', nnapiDevices: [] };
    const proof = await proveOver(agent, body);
    expect(proof).toMatchObject({
      bundleId: bundle.manifest.bundleId,
      threads: 1,
      library: ['cpu'],
      simulated: null,
      device: { serial: 'v1', systemBuild: 'b1', nnapiDevices: [] },
      chosen: { prefill: 'cpu', decode: 'cpu' },
    });
    const cpu = candidateOf(proof, 'cpu');
    expect(cpu?.speed?.prefill.map(({ tokens }) => tokens)).toEqual([128, 256]);
    for (const { medianMs } of cpu?.speed?.prefill ?? []) expect(medianMs).toBeGreaterThan(0);
    expect(cpu?.speed?.decodeMs).toBeGreaterThan(0);
    expect(await (await agent.call('/proof')).json()).toEqual(proof);
    expect((await proveOver(agent, body)).provedAt).toBe(proof.provedAt);
    const health = healthSchema.parse(await (await agent.call('/health')).json());
    expect(health.runtime).toMatchObject({ provider: 'cpu', providers: { prefill: 'cpu', decode: 'cpu' } });
  });

  test('a system update, or the wish for it, makes a new one', async () => {
    const before = await proveOver(agent, { systemBuild: 'b1' });
    const updated = await proveOver(agent, { systemBuild: 'b2' });
    expect(updated.provedAt).not.toBe(before.provedAt);
    const again = await proveOver(agent, { systemBuild: 'b2', reuse: false });
    expect(again.provedAt).not.toBe(updated.provedAt);
  });

  test('the next agent finds it, unless the runtime is another', async () => {
    const proof = await proveOver(agent, { systemBuild: 'b2' });
    const next = await startTestAgent(bundle, { home: agent.home });
    expect(await (await next.call('/proof')).json()).toEqual(proof);
    await next.stop();
    const [file = ''] = readdirSync(join(agent.home, 'proofs'));
    const path = join(agent.home, 'proofs', file);
    const stored = providerProofSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    writeFileSync(path, JSON.stringify({ ...stored, runtime: { ...stored.runtime, onnxruntime: '0.1' } }));
    const other = await startTestAgent(bundle, { home: agent.home });
    expect((await other.call('/proof')).status).toBe(404);
    await other.stop();
  });

  test('requests are served before and after it', async () => {
    const [proof, answer] = await Promise.all([
      proveOver(agent, { reuse: false }),
      agent.post('/v1/chat/completions', { messages: [{ role: 'user', content: 'Hello' }], max_tokens: 2 }),
    ]);
    expect(proof.chosen.decode).toBe('cpu');
    expect(answer.status).toBe(200);
  });

  test.each([
    [{ simulate: 'nnapi-flies' }, 'simulate'],
    [{ serial: 7 }, 'serial'],
    [{ faster: true }, ''],
  ])('a wrong request is refused: %j', async (body, param) => {
    const response = await agent.post('/proof', body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param } });
  });
});
