import type { EngineHost } from '../host/engine-host.ts';
import { runtimeVersions } from '../host/runtime-versions.ts';
import type { Orchestrator } from '../orchestrator/orchestrator.ts';
import { PrefillSwitch } from './prefill-switch.ts';
import { ProofService } from './proof-service.ts';
import { attemptKey, attemptPath, type ProofScope } from './proof-store.ts';

export interface ProofParts {
  readonly home: string;
  readonly bundleId: string;
  readonly threads: number;
  /** Opened. */
  readonly host: EngineHost;
  readonly orchestrator: Orchestrator;
  readonly log: (line: string) => void;
}

export interface Proofs {
  readonly proofs: ProofService;
  /** The agent stops as it should. */
  readonly stop: () => void;
}

/**
 * The proofs of an agent: each takes the engine for itself, after the requests that wait. What the stored one chose, and
 * what each new one chooses, is served by from then on.
 */
export async function openProofs(parts: ProofParts): Promise<Proofs> {
  const { home, bundleId, threads, host, orchestrator, log } = parts;
  const scope: ProofScope = {
    bundleId,
    threads,
    runtime: runtimeVersions(),
    library: [...(host.opened?.library ?? ['cpu'])],
  };
  const prefill = new PrefillSwitch({ home, scope, host, orchestrator, log });
  const proofs = await ProofService.open({
    home,
    scope,
    prove: async ({ simulate, systemBuild, sdk }, signal) => {
      const attemptFile = simulate === null ? attemptPath(home, 'proof') : null;
      const question = { simulate, sdk, attemptFile, attemptKey: attemptKey(scope, systemBuild) };
      const proved = await orchestrator.exclusive(() => host.prove(question, signal));
      return proved.ok ? proved.value : proved;
    },
    onProof: (proof) => prefill.serveBy(proof),
    log,
  });
  if (proofs.current !== null) await prefill.serveBy(proofs.current);
  return { proofs, stop: () => prefill.stop() };
}
