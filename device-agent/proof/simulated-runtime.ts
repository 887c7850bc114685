import type { Simulation } from '../../core/provider-proof.ts';
import { ok, type Result } from '../../core/result.ts';
import { PROVIDER_NAMES } from './profile-events.ts';
import type { OpenedGraph, ProofRuntime } from './proof-runtime.ts';

/**
 * A runtime whose NNAPI is made up, so that the product's own code can be seen to meet the case. Below it the CPU
 * computes; no time of a made-up kernel is ever told, and what comes of it is labelled as simulated.
 */
export function simulatedRuntime(real: ProofRuntime, simulation: Simulation): ProofRuntime {
  const others = real.providers.filter((provider) => provider !== 'nnapi');
  if (simulation === 'nnapi-absent') return { ...real, providers: others };
  return {
    providers: [...others, 'nnapi'],
    open: async (graph, provider, mode) => {
      const opened = await real.open(graph, provider === 'nnapi' ? 'cpu' : provider, mode);
      return provider === 'nnapi' && simulation === 'nnapi-wrong-numerics' && opened.ok
        ? ok(wrong(opened.value))
        : opened;
    },
  };
}

/** Every node claimed for NNAPI as one partition, and every fourth value off by half. */
function wrong(opened: OpenedGraph): OpenedGraph {
  return {
    run: async (): Promise<Result<Float32Array>> => {
      const ran = await opened.run();
      return ran.ok ? ok(ran.value.map((value, i) => (i % 4 === 0 ? 1.5 * value : value))) : ran;
    },
    close: async () => {
      const events = await opened.close();
      if (!events.ok || events.value.length === 0) return events;
      return ok([{ name: 'simulated', provider: PROVIDER_NAMES.nnapi, ms: 0 }]);
    },
  };
}
