import { FULL_LEVEL } from '../../core/level.ts';
import { seededRandom } from '../../core/random.ts';
import type { ElasticEngine } from '../engine/elastic-engine.ts';
import type { PhaseTimer } from './measure-speed.ts';

const DECODE_STEPS = 8;
const DECODE_PROMPT = 32;

/** Made-up tokens; their values do not matter to the time. */
export function proofTokens(engine: ElasticEngine, count: number): number[] {
  const random = seededRandom(count);
  return Array.from({ length: count }, () => Math.floor(random() * engine.model.config.vocabSize));
}

/** The elastic engine itself at the full level: what serves today, and what another provider has to beat. */
export function engineTimer(engine: ElasticEngine): PhaseTimer {
  return {
    prefillMs: async (tokens) => {
      engine.setLevel(FULL_LEVEL);
      const prompt = proofTokens(engine, tokens);
      const sequence = engine.open(tokens, 1);
      try {
        const startedAtMs = performance.now();
        await engine.prefill(sequence, prompt);
        return performance.now() - startedAtMs;
      } finally {
        engine.close(sequence);
      }
    },
    decodeMs: async () => {
      engine.setLevel(FULL_LEVEL);
      const sequence = engine.open(DECODE_PROMPT, DECODE_STEPS);
      try {
        await engine.prefill(sequence, proofTokens(engine, DECODE_PROMPT));
        const startedAtMs = performance.now();
        for (const token of proofTokens(engine, DECODE_STEPS)) await engine.step(sequence, token);
        return (performance.now() - startedAtMs) / DECODE_STEPS;
      } finally {
        engine.close(sequence);
      }
    },
  };
}
