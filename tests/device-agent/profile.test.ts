import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { latencyProfileSchema, type LatencyProfile } from '../../core/latency-profile.ts';
import { elasticReportSchema, type ElasticReport } from '../../core/strategy.ts';
import { readEvents, startTestAgent, type TestAgent } from './support/start-test-agent.ts';
import { makeTinyBundle, type TinyBundle } from './support/tiny-bundle.ts';

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

async function report(from: TestAgent, body: object): Promise<ElasticReport> {
  const messages = [{ role: 'user', content: 'Hello' }];
  const response = await from.post('/v1/chat/completions', { messages, max_tokens: 2, ...body });
  return elasticReportSchema.parse(((await response.json()) as { elastic: unknown }).elastic);
}

describe('POST /profile', () => {
  let profile: LatencyProfile;

  test('there is none before it was measured', async () => {
    const response = await agent.call('/profile');
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { code: 'no_profile' } });
  });

  test('measures the quick grid, telling how far it is', async () => {
    const response = await agent.post(
      '/profile',
      { mode: 'quick', serial: 'virtual-1', virtual: true, temperatureC: 31.5 },
      { headers: { accept: 'text/event-stream' } },
    );
    const blocks = (await response.text()).split('\n\n').filter((block) => block.startsWith('data: '));
    const data = blocks.map((block) => JSON.parse(block.slice(6)) as Record<string, unknown>);
    profile = latencyProfileSchema.parse(data.at(-1));
    const progress = data.slice(0, -1);
    expect(progress.map((each) => each['cellsDone'])).toEqual(progress.map((_, i) => i + 1));
    expect(progress.at(-1)).toMatchObject({ cellsDone: progress.at(-1)?.['cells'], etaMs: 0 });
    expect(profile).toMatchObject({
      mode: 'quick',
      bundleId: bundle.manifest.bundleId,
      threads: 1,
      device: { serial: 'virtual-1', virtual: true },
      temperatureC: { before: 31.5, after: null },
    });
    expect([...new Set(profile.cells.map((cell) => cell.level))]).toEqual([20, 60, 100]);
    for (const cell of profile.cells) {
      expect(cell.ttftMs.n).toBeGreaterThanOrEqual(3);
      expect(cell.ttftMs.p50).toBeGreaterThan(0);
      expect(cell.tpotMs.p50).toBeGreaterThan(0);
    }
    const events = await readEvents(agent, -1, (seen) =>
      seen.some(({ type }) => type === 'profile-finished'),
    );
    expect(events.filter(({ type }) => type === 'profile-progress')).toHaveLength(progress.length);
  });

  test('from then on decisions are made by it', async () => {
    const loose = await report(agent, { slo: { ttftMs: 60_000, tpotMs: 60_000 } });
    expect(loose).toMatchObject({ decidedBy: 'profile', feasible: true, strategy: { modelLevel: 100 } });
    expect(loose.predicted).toEqual(loose.reference);
    const impossible = await report(agent, { slo: { ttftMs: 0.001 } });
    expect(impossible).toMatchObject({
      decidedBy: 'nothing-feasible',
      feasible: false,
      strategy: { modelLevel: 20 },
      sloHit: { ttft: false, met: false },
    });
  });

  test('it is stored and used by the next agent on this device', async () => {
    expect(readdirSync(join(agent.home, 'profiles'))).toEqual([`${bundle.manifest.bundleId}-t1.json`]);
    const next = await startTestAgent(bundle, { home: agent.home });
    expect(await (await next.call('/profile')).json()).toEqual(profile);
    expect(await (await next.call('/health')).json()).toMatchObject({ hasProfile: true });
    await next.stop();
  });

  test('other thread counts are measured for comparison and not served by', async () => {
    const response = await agent.post('/profile', { threads: [2] });
    const compared = latencyProfileSchema.parse(await response.json());
    expect(compared.threads).toBe(1);
    expect([...new Set(compared.cells.map((cell) => cell.threads))]).toEqual([1, 2]);
  });

  test('requests are served while it runs, a second profile is refused, and it ends with its client', async () => {
    const controller = new AbortController();
    const headers = { accept: 'text/event-stream' };
    const running = await agent.post('/profile', { mode: 'full' }, { signal: controller.signal, headers });
    const reader = running.body?.getReader();
    await reader?.read();
    expect((await report(agent, {})).measured.ttftMs).not.toBeNull();
    const second = await agent.post('/profile', {});
    expect(second.status).toBe(409);
    await second.arrayBuffer();
    controller.abort();
    // Accepted again once the first one has ended.
    let status = 409;
    while (status === 409) {
      const third = await agent.post('/profile', {});
      status = third.status;
      await third.arrayBuffer();
    }
    expect(status).toBe(200);
  });
});
