import { providerWords, type ProviderProof } from '../../core/provider-proof.ts';
import type { ExecutionProvider } from '../../core/runtime-pack.ts';
import type { EngineHost } from '../host/engine-host.ts';
import type { Orchestrator } from '../orchestrator/orchestrator.ts';
import { AttemptLog } from './attempt-log.ts';
import { attemptKey, attemptPath, type ProofScope } from './proof-store.ts';

export interface PrefillSwitchParts {
  readonly home: string;
  readonly scope: ProofScope;
  readonly host: Pick<EngineHost, 'prefillProvider' | 'prefillOn'>;
  readonly orchestrator: Pick<Orchestrator, 'exclusive' | 'profile'>;
  readonly log: (line: string) => void;
}

/**
 * Puts prefill on the provider that a proof chose. A provider passes its proof and may still bring the agent down while
 * it serves: after two ends of the agent that were no stops, the CPU serves until runtime, bundle or system change.
 */
export class PrefillSwitch {
  readonly #parts: PrefillSwitchParts;
  #serving: { readonly provider: ExecutionProvider; readonly attempts: AttemptLog } | null = null;

  constructor(parts: PrefillSwitchParts) {
    this.#parts = parts;
  }

  /** The engine goes on by itself where the provider fails. A profile of another provider is dropped. */
  async serveBy({ chosen, device }: ProviderProof): Promise<void> {
    const { home, scope, host, orchestrator, log } = this.#parts;
    const { prefill } = chosen;
    if (prefill === host.prefillProvider) return;
    this.stop();
    if (prefill !== 'cpu') {
      const attempts = new AttemptLog(attemptPath(home, 'serving'), attemptKey(scope, device.systemBuild));
      if (attempts.hasCrashed(prefill))
        return log(`the CPU prefills: the agent ended twice while ${prefill} served`);
      attempts.begin(prefill);
      this.#serving = { provider: prefill, attempts };
    }
    const set = await orchestrator.exclusive(() => host.prefillOn(prefill));
    const done = set.ok ? set.value : set;
    log(done.ok ? `prefill on ${prefill}` : `the CPU prefills: ${done.failure.message}`);
    const words = providerWords({ prefill: host.prefillProvider, decode: 'cpu' });
    if (orchestrator.profile?.runtime.provider !== words) orchestrator.profile = null;
  }

  /** The agent stops as it should. */
  stop(): void {
    this.#serving?.attempts.end(this.#serving.provider);
    this.#serving = null;
  }
}
