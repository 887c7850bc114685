import { ok } from '../../core/result.ts';
import type { ElasticEngine } from '../engine/elastic-engine.ts';
import type { OpenCommand, ProveCommand } from '../host/worker-protocol.ts';
import { AttemptLog } from './attempt-log.ts';
import { engineTimer } from './engine-timer.ts';
import { probeSubject } from './probe-subject.ts';
import { onnxRuntime } from './proof-runtime.ts';
import { proveProviders, type ProofFindings } from './prove.ts';
import { simulatedRuntime } from './simulated-runtime.ts';
import { staticSubject } from './static-subject.ts';
import { staticTimer } from './static-timer.ts';

/**
 * Proves the providers for an open bundle, in the thread of its engine, which must be idle: on the bundle's static
 * graphs, or on the probe graph where it has none. Throws as the CPU does.
 */
export async function proveBundle(
  engine: ElasticEngine,
  source: OpenCommand,
  { simulate, sdk, attemptFile, attemptKey, cancelFlag }: ProveCommand,
): Promise<ProofFindings> {
  const { threads, manifest } = source;
  const real = onnxRuntime(threads);
  const graphs = manifest.staticPrefill;
  return proveProviders(
    simulate === null ? real : simulatedRuntime(real, simulate),
    {
      engine: engineTimer(engine),
      graphFor: (provider) =>
        graphs === undefined
          ? Promise.resolve(ok(probeSubject()))
          : staticSubject(engine, source, graphs, provider),
      openPrefill: graphs === undefined ? null : (provider) => staticTimer(engine, source, provider),
      contextLength: manifest.model.contextLength,
      sdk,
    },
    new AttemptLog(attemptFile, attemptKey),
    () => Atomics.load(cancelFlag, 0) !== 0,
  );
}
