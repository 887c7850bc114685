import { afterAll, beforeAll, expect, test } from 'vitest';
import { floatToHalf, halfToFloat } from '../../core/half-float.ts';
import { ok, unwrap } from '../../core/result.ts';
import { openEngine, type ElasticEngine } from '../../device-agent/index.ts';
import type { OpenCommand } from '../../device-agent/host/worker-protocol.ts';
import { AttemptLog } from '../../device-agent/proof/attempt-log.ts';
import { engineTimer } from '../../device-agent/proof/engine-timer.ts';
import { PROVIDER_NAMES } from '../../device-agent/proof/profile-events.ts';
import { onnxRuntime, type ProofRuntime } from '../../device-agent/proof/proof-runtime.ts';
import { proveProviders, type ProofFindings } from '../../device-agent/proof/prove.ts';
import { staticSubject } from '../../device-agent/proof/static-subject.ts';
import { staticTimer } from '../../device-agent/proof/static-timer.ts';
import { makeTinyBundle, type TinyBundle } from './support/tiny-bundle.ts';

let bundle: TinyBundle;
let engine: ElasticEngine;
beforeAll(async () => {
  bundle = await makeTinyBundle('int8');
  engine = unwrap(await openEngine({ bundleDir: bundle.dir, threads: 1 })).engine;
});
afterAll(async () => {
  await engine.dispose();
  bundle.remove();
});

/** The stock runtime in the place of a provider that it does not have; `change` is what the provider computes. */
function standIn(change: (output: Float32Array) => Float32Array): ProofRuntime {
  const real = onnxRuntime(1);
  return {
    providers: ['cpu', 'xnnpack'],
    open: async (graph, provider, mode) => {
      const opened = unwrap(await real.open(graph, 'cpu', mode));
      if (provider === 'cpu') return ok(opened);
      return ok({
        run: async () => ok(change(unwrap(await opened.run()))),
        close: async () =>
          ok(unwrap(await opened.close()).map((event) => ({ ...event, provider: PROVIDER_NAMES[provider] }))),
      });
    },
  };
}

async function prove(
  change: (output: Float32Array) => Float32Array,
): Promise<ProofFindings['candidates'][number]> {
  const { manifest, dir: bundleDir } = bundle;
  const source: OpenCommand = {
    kind: 'open',
    bundleDir,
    manifest,
    threads: 1,
    segmentForm: 'auto',
    stampFile: null,
  };
  const graphs = manifest.staticPrefill;
  if (graphs === undefined) throw new Error('bundles have static prefill graphs');
  const found = await proveProviders(
    standIn(change),
    {
      engine: engineTimer(engine),
      graphFor: (provider) => staticSubject(engine, source, graphs, provider),
      openPrefill: (provider) => staticTimer(engine, source, provider),
      contextLength: manifest.model.contextLength,
      sdk: null,
    },
    new AttemptLog(null, ''),
    () => false,
  );
  const candidate = found.candidates.find(({ provider }) => provider === 'xnnpack');
  if (candidate === undefined) throw new Error('it was a candidate');
  return candidate;
}

test('the bundle’s own prefill graph is placed, compared down to the next tokens’ logits, and timed', async () => {
  const candidate = await prove((output) => output);
  expect(candidate.subject).toMatch(/^static prefill of level 100, 128 tokens/);
  expect(candidate.placement).toMatchObject({ share: 1 });
  expect(candidate.placement?.nodes).toBeGreaterThan(20);
  expect(candidate.numerics).toMatchObject({ within: true, top1Agreement: 1 });
  // The two sessions are optimized differently, so sums may be in another order.
  expect(candidate.numerics?.rmsRel).toBeLessThan(1e-4);
  expect(candidate.speed?.prefill.map(({ tokens }) => tokens)).toEqual([128, 256]);
  expect(['chosen', 'slower']).toContain(candidate.verdict);
});

test('keys and values in half floats are within the bounds', async () => {
  const candidate = await prove((output) => output.map((value) => halfToFloat(floatToHalf(value))));
  expect(candidate.numerics).toMatchObject({ within: true });
  expect(candidate.numerics?.rmsRel).toBeGreaterThan(1e-5);
});

test('values of another token, or a mask that hides nothing, are not', async () => {
  const shifted = await prove((output) =>
    Float32Array.from({ length: output.length }, (_, i) => output[i - 1] ?? 0),
  );
  expect(shifted).toMatchObject({ verdict: 'wrong-numerics', speed: null, numerics: { within: false } });
  expect(shifted.numerics?.klNats).toBeGreaterThan(0);
});
