import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LatencyProfile } from '../../core/latency-profile.ts';
import { providerProofSchema, type ProviderProof } from '../../core/provider-proof.ts';
import { fail, ok } from '../../core/result.ts';
import type { ExecutionProvider } from '../../core/runtime-pack.ts';
import { PrefillSwitch } from '../../device-agent/proof/prefill-switch.ts';
import type { ProofScope } from '../../device-agent/proof/proof-store.ts';
import { madeProfile } from '../core/support/made-profile.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'bungee-switch-'));
});
afterEach(() => rmSync(home, { recursive: true }));

const SCOPE: ProofScope = {
  bundleId: 'b',
  threads: 1,
  runtime: { onnxruntime: '1', node: '24', arch: 'android-arm64' },
  library: ['cpu', 'nnapi'],
};

function proofOf(prefill: ExecutionProvider, systemBuild = 'one'): ProviderProof {
  return providerProofSchema.parse({
    schemaVersion: 1,
    provedAt: new Date(0).toISOString(),
    ...SCOPE,
    device: { serial: '', model: '', virtual: false, systemBuild, nnapiDevices: null },
    simulated: null,
    candidates: [],
    chosen: { prefill, decode: 'cpu' },
    reasons: { prefill: '', decode: '' },
  });
}

/** An agent's parts; `refuses` makes the provider fail to open. */
function agent(refuses = false) {
  const host = {
    prefillProvider: 'cpu' as ExecutionProvider,
    prefillOn: (provider: ExecutionProvider) => {
      if (refuses) return Promise.resolve(fail('graph-rejected', 'No.'));
      host.prefillProvider = provider;
      return Promise.resolve(ok(null));
    },
  };
  const orchestrator = {
    profile: madeProfile(() => ({ ttftMs: 1, tpotMs: 1 }), [32]) as LatencyProfile | null,
    exclusive: async <T>(work: () => Promise<T>) => ok(await work()),
  };
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  return {
    host,
    orchestrator,
    lines,
    it: new PrefillSwitch({ home, scope: SCOPE, host, orchestrator, log }),
  };
}

test('prefill goes where the proof chose, and the profile of the CPU is dropped with it', async () => {
  const { host, orchestrator, it } = agent();
  await it.serveBy(proofOf('nnapi'));
  expect(host.prefillProvider).toBe('nnapi');
  expect(orchestrator.profile).toBeNull();
  await it.serveBy(proofOf('cpu'));
  expect(host.prefillProvider).toBe('cpu');
  expect(readdirSync(home)).toEqual([]);
});

test('a proof that chooses what serves already changes nothing', async () => {
  const { orchestrator, lines, it } = agent();
  await it.serveBy(proofOf('cpu'));
  expect(orchestrator.profile).not.toBeNull();
  expect(lines).toEqual([]);
});

test('where the provider does not open the CPU serves on by its own profile', async () => {
  const { host, orchestrator, lines, it } = agent(true);
  await it.serveBy(proofOf('nnapi'));
  expect(host.prefillProvider).toBe('cpu');
  expect(orchestrator.profile).not.toBeNull();
  expect(lines.at(-1)).toContain('the CPU prefills: No.');
});

test('after two ends that were no stops the CPU serves, until the system changes', async () => {
  for (const expected of ['nnapi', 'nnapi', 'cpu']) {
    const { host, it } = agent();
    await it.serveBy(proofOf('nnapi'));
    expect(host.prefillProvider).toBe(expected);
  }
  const updated = agent();
  await updated.it.serveBy(proofOf('nnapi', 'two'));
  expect(updated.host.prefillProvider).toBe('nnapi');
});

test('an agent that stops as it should has not crashed', async () => {
  for (let i = 0; i < 4; i++) {
    const { host, it } = agent();
    await it.serveBy(proofOf('nnapi'));
    expect(host.prefillProvider).toBe('nnapi');
    it.stop();
  }
});
