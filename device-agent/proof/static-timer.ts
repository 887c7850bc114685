import { FULL_LEVEL } from '../../core/level.ts';
import { ok, type Result } from '../../core/result.ts';
import type { ExecutionProvider } from '../../core/runtime-pack.ts';
import type { ElasticEngine } from '../engine/elastic-engine.ts';
import { StaticPrefill } from '../engine/static/static-prefill.ts';
import { staticRules } from '../engine/static/static-rules.ts';
import type { OpenCommand } from '../host/worker-protocol.ts';
import { proofTokens } from './engine-timer.ts';
import type { PhaseTimer } from './measure-speed.ts';
import { sessionProviders } from './proof-runtime.ts';

/**
 * Prefill as requests get it on `provider`: whole chunks by the static graphs, the rest and the last token's logits by
 * the engine. A run in which the provider had no part throws: its time would be the CPU's.
 */
export async function staticTimer(
  engine: ElasticEngine,
  { bundleDir, manifest, threads }: OpenCommand,
  provider: ExecutionProvider,
): Promise<Result<PhaseTimer & { readonly close: () => Promise<void> }>> {
  const providers = sessionProviders(provider, threads);
  const rules = staticRules(provider);
  const opened = await StaticPrefill.open({ bundleDir, manifest, threads, ...rules, provider, providers });
  if (!opened.ok) return opened;
  const ahead = opened.value;
  const loaded = await ahead.load(FULL_LEVEL);
  if (!loaded.ok) {
    await ahead.dispose();
    return loaded;
  }
  return ok({
    prefillMs: async (tokens) => {
      engine.setLevel(FULL_LEVEL);
      const prompt = proofTokens(engine, tokens);
      const sequence = engine.open(tokens, 1);
      try {
        const startedAtMs = performance.now();
        const done = await ahead.prefill(sequence.cache, FULL_LEVEL, prompt);
        if (done.failure !== null) throw new Error(done.failure.message);
        if (done.tokens === 0) throw new Error(`no chunk of ${tokens} tokens ran on ${provider}`);
        await engine.prefill(sequence, prompt.slice(done.tokens));
        return performance.now() - startedAtMs;
      } finally {
        engine.close(sequence);
      }
    },
    decodeMs: null,
    close: () => ahead.dispose(),
  });
}
