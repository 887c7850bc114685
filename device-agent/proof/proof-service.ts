import { PROOF_SCHEMA_VERSION } from '../../core/provider-proof.ts';
import type { ProofRequest, ProviderProof } from '../../core/provider-proof.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { ProofFindings } from './prove.ts';
import { loadProof, saveProof, type ProofScope } from './proof-store.ts';

export interface ProofServiceParts {
  readonly home: string;
  readonly scope: ProofScope;
  /** Runs the proof where the engine is, with the engine to itself. */
  readonly prove: (
    request: Pick<ProofRequest, 'simulate' | 'systemBuild' | 'sdk'>,
    signal: AbortSignal,
  ) => Promise<Result<ProofFindings>>;
  /** A proof was made: serve by what it chose. */
  readonly onProof: (proof: ProviderProof) => Promise<void>;
  readonly log: (line: string) => void;
}

/** The proof of this phone's providers: stored per bundle and runtime, made again when one of them changes. */
export class ProofService {
  readonly #parts: ProofServiceParts;
  #stored: ProviderProof | null = null;
  #running = false;

  private constructor(parts: ProofServiceParts, stored: ProviderProof | null) {
    this.#parts = parts;
    this.#stored = stored;
  }

  static async open(parts: ProofServiceParts): Promise<ProofService> {
    return new ProofService(parts, await loadProof(parts.home, parts.scope));
  }

  /** The proof that is served by; null before the first. */
  get current(): ProviderProof | null {
    return this.#stored;
  }

  /**
   * A made-up case is proved and told, not stored and not served by. Failures: `proof-running`,
   * `request-cancelled`, those of the engine.
   */
  async prove(request: ProofRequest, signal: AbortSignal): Promise<Result<ProviderProof>> {
    const { simulate, systemBuild, reuse } = request;
    const stored = this.#stored;
    if (reuse && simulate === null && stored !== null && stored.device.systemBuild === systemBuild)
      return ok(stored);
    if (this.#running) return fail('proof-running', 'The providers are being proved already.');
    this.#running = true;
    try {
      const found = await this.#parts.prove(request, signal);
      if (!found.ok) return found;
      if (signal.aborted) return fail('request-cancelled', 'The proof was cancelled.');
      return ok(await this.#conclude(request, found.value));
    } finally {
      this.#running = false;
    }
  }

  async #conclude(request: ProofRequest, findings: ProofFindings): Promise<ProviderProof> {
    const { home, scope, log, onProof } = this.#parts;
    const { bundleId, threads, runtime } = scope;
    const { serial, deviceModel, virtual, systemBuild, nnapiDevices, simulate } = request;
    const proof: ProviderProof = {
      schemaVersion: PROOF_SCHEMA_VERSION,
      provedAt: new Date().toISOString(),
      bundleId,
      threads,
      runtime,
      device: { serial, model: deviceModel, virtual, systemBuild, nnapiDevices },
      library: [...findings.library],
      simulated: simulate,
      candidates: [...findings.candidates],
      chosen: findings.chosen,
      reasons: findings.reasons,
    };
    if (simulate !== null) {
      log(`SIMULATED ${simulate}: what was found is told, not stored and not served by`);
      return proof;
    }
    this.#stored = proof;
    const saved = await saveProof(home, proof);
    log(saved.ok ? `providers proved: ${proof.reasons.prefill}` : saved.failure.message);
    await onProof(proof);
    return proof;
  }
}
