import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fail, ok } from '../../core/result.ts';
import type { ExecutionProvider } from '../../core/runtime-pack.ts';
import { AttemptLog } from '../../device-agent/proof/attempt-log.ts';
import type { PhaseTimer } from '../../device-agent/proof/measure-speed.ts';
import { PROVIDER_NAMES } from '../../device-agent/proof/profile-events.ts';
import type { OpenedGraph, ProofGraph, ProofRuntime } from '../../device-agent/proof/proof-runtime.ts';
import { proveProviders, type ProofFindings } from '../../device-agent/proof/prove.ts';

/** How a made-up provider behaves; times are of prefill, ms. */
interface Behaviour {
  readonly nodes: number;
  readonly output?: Float32Array;
  readonly refuses?: boolean;
  readonly ms?: number;
}
const NODES = 10;
const RIGHT = Float32Array.of(1, 2, 3, 4);
const GRAPH: ProofGraph = {
  words: 'a made-up graph',
  model: 'none',
  options: {},
  feeds: {},
  output: 'y',
  logitsOf: (output) => Promise.resolve({ values: output, width: output.length }),
};
const fixed = (ms: number, decodeMs: number | null): PhaseTimer => ({
  prefillMs: () => Promise.resolve(ms),
  decodeMs: decodeMs === null ? null : () => Promise.resolve(decodeMs),
});

function runtimeOf(
  behaviours: Partial<Record<ExecutionProvider, Behaviour>>,
): ProofRuntime & { opened: string[] } {
  const opened: string[] = [];
  return {
    opened,
    providers: ['cpu', ...(Object.keys(behaviours) as ExecutionProvider[])],
    open: (_graph, provider, mode) => {
      opened.push(`${provider} ${mode}`);
      const { nodes, output = RIGHT, refuses = false } = behaviours[provider] ?? { nodes: NODES };
      if (refuses) return Promise.resolve(fail('provider-refused', 'The session does not open: no.'));
      const left = Array.from({ length: provider === 'cpu' ? NODES : NODES - nodes }, (_, i) => `n${i}`);
      const graph: OpenedGraph = {
        run: () => Promise.resolve(ok(provider === 'cpu' ? RIGHT : output)),
        close: () =>
          Promise.resolve(
            ok([
              ...left.map((name) => ({ name, provider: PROVIDER_NAMES.cpu, ms: 1 })),
              ...(provider === 'cpu' || nodes === 0
                ? []
                : [{ name: 'fused', provider: PROVIDER_NAMES[provider], ms: 1 }]),
            ]),
          ),
      };
      return Promise.resolve(ok(graph));
    },
  };
}

async function prove(
  behaviours: Partial<Record<ExecutionProvider, Behaviour>>,
  options: { attempts?: AttemptLog; hasStatic?: boolean; sdk?: number } = {},
): Promise<ProofFindings & { opened: string[] }> {
  const runtime = runtimeOf(behaviours);
  const found = await proveProviders(
    runtime,
    {
      engine: fixed(10, 5),
      graphFor: () => Promise.resolve(ok(GRAPH)),
      openPrefill:
        options.hasStatic === false
          ? null
          : (provider) => {
              const { ms } = behaviours[provider] ?? {};
              if (ms === undefined) return Promise.resolve(fail('graph-rejected', 'No memory.'));
              return Promise.resolve(ok({ ...fixed(ms, null), close: () => Promise.resolve() }));
            },
      contextLength: 512,
      sdk: options.sdk ?? null,
    },
    options.attempts ?? new AttemptLog(null, ''),
    () => false,
  );
  return { ...found, opened: runtime.opened };
}

const verdictOf = ({ candidates }: ProofFindings, provider: ExecutionProvider) =>
  candidates.find((candidate) => candidate.provider === provider)?.verdict;

describe('proveProviders', () => {
  test('asks nothing of a provider that the library does not have', async () => {
    const found = await prove({});
    expect(found.opened).toEqual([]);
    expect(found.candidates.map(({ provider, verdict }) => [provider, verdict])).toEqual([
      ['cpu', 'chosen'],
      ['xnnpack', 'not-in-library'],
      ['nnapi', 'not-in-library'],
    ]);
    expect(found.chosen).toEqual({ prefill: 'cpu', decode: 'cpu' });
    expect(found.candidates[0]?.speed).toEqual({
      prefill: [
        { tokens: 128, medianMs: 10, runs: 4 },
        { tokens: 256, medianMs: 10, runs: 4 },
      ],
      decodeMs: 5,
    });
  });

  test('one that took no node declined: it is neither compared nor timed, however fast it would have been', async () => {
    const found = await prove({ nnapi: { nodes: 0, ms: 0.1 } });
    expect(found.candidates[2]).toMatchObject({
      verdict: 'declined',
      placement: { nodes: NODES, nodesOnProvider: 0, share: 0 },
      numerics: null,
      speed: null,
    });
    expect(found.opened).not.toContain('nnapi serving');
    expect(found.chosen.prefill).toBe('cpu');
  });

  test('one that computes something else is not timed and not chosen', async () => {
    const found = await prove({ nnapi: { nodes: 10, output: Float32Array.of(1, 2, 3, 9), ms: 0.1 } });
    expect(found.candidates[2]).toMatchObject({
      verdict: 'wrong-numerics',
      placement: { share: 1 },
      numerics: { within: false, maxAbs: 5 },
      speed: null,
    });
    expect(found.chosen.prefill).toBe('cpu');
  });

  test('one that is placed, right and faster serves prefill, and decoding stays where it was measured', async () => {
    const found = await prove({ xnnpack: { nodes: 8, ms: 9.5 }, nnapi: { nodes: 8, ms: 4 } });
    expect(found.chosen).toEqual({ prefill: 'nnapi', decode: 'cpu' });
    expect(found.candidates.map(({ verdict }) => verdict)).toEqual(['chosen', 'slower', 'chosen']);
    expect(found.candidates[2]).toMatchObject({
      placement: { nodesOnProvider: 8, partitions: 1 },
      speed: {
        prefill: [
          { tokens: 128, medianMs: 4 },
          { tokens: 256, medianMs: 4 },
        ],
        decodeMs: null,
      },
    });
    expect(found.reasons.prefill).toContain('nnapi takes 0.40');
  });

  test('without static graphs of the bundle a provider can work but not serve', async () => {
    const found = await prove({ nnapi: { nodes: 8, ms: 1 } }, { hasStatic: false });
    expect(found.candidates[2]).toMatchObject({ verdict: 'works', speed: null, numerics: { within: true } });
    expect(found.chosen.prefill).toBe('cpu');
  });

  test.each<[string, Behaviour, string]>([
    ['does not open', { nodes: 8, refuses: true }, 'does not open'],
    ['does not open for serving', { nodes: 8 }, 'could not be timed: No memory.'],
  ])('one that %s is refused, with the reason', async (_what, behaviour, reason) => {
    const found = await prove({ nnapi: behaviour });
    expect(verdictOf(found, 'nnapi')).toBe('refused');
    expect(found.candidates[2]?.reason).toContain(reason);
    expect(found.chosen.prefill).toBe('cpu');
  });

  test.each([
    [28, 'refused'],
    [29, 'chosen'],
  ])(
    'NNAPI whose own CPU device could stand in for it is not asked (API level %i: %s)',
    async (sdk, verdict) => {
      const found = await prove({ nnapi: { nodes: 8, ms: 1 } }, { sdk });
      expect(verdictOf(found, 'nnapi')).toBe(verdict);
      expect(found.opened.includes('nnapi serving')).toBe(verdict === 'chosen');
    },
  );

  test('one under which the process ended twice is left alone, until what it depends on changes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bungee-attempt-'));
    const path = join(folder, 'attempt.json');
    const crash = (key: string): void =>
      void new AttemptLog(path, key).around('nnapi', () => new Promise(() => undefined));
    const behaviours = { nnapi: { nodes: 8, ms: 1 } };
    crash('one');
    expect(verdictOf(await prove(behaviours, { attempts: new AttemptLog(path, 'one') }), 'nnapi')).toBe(
      'chosen',
    );
    expect(readdirSync(folder)).toEqual([]);
    crash('one');
    crash('one');
    const found = await prove(behaviours, { attempts: new AttemptLog(path, 'one') });
    expect(verdictOf(found, 'nnapi')).toBe('crashed');
    expect(found.opened.filter((each) => each.startsWith('nnapi'))).toEqual([]);
    expect(verdictOf(await prove(behaviours, { attempts: new AttemptLog(path, 'two') }), 'nnapi')).toBe(
      'chosen',
    );
    rmSync(folder, { recursive: true });
  });
});
