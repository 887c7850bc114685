import { decide } from '../../../core/decide.ts';
import type { LatencyProfile } from '../../../core/latency-profile.ts';
import { LEVELS, type Level } from '../../../core/level.ts';
import { PROMPT_LEVELS } from '../../../core/prompt-level.ts';
import type { Slo } from '../../../core/slo.ts';
import type { Decision, LatencyCorrection, Strategy, StrategyCell } from '../../../core/strategy.ts';
import type { StrategyQuality } from '../../../core/strategy-quality.ts';
import { madeProfile } from '../../core/support/made-profile.ts';

/** What `decide` of the product needs, made up: a phone, what strategies are worth, and a TLM that is too bold. */

/** Made-up latencies, ms: the larger part of them grows with the level. */
function latencyOf(level: Level, promptTokens: number): { ttftMs: number; tpotMs: number } {
  const share = 0.12 + (0.88 * level) / 100;
  return { ttftMs: (30 + 1.3 * promptTokens) * share, tpotMs: 26 * share };
}

export const DEMO_PROFILE: LatencyProfile = madeProfile(latencyOf, [16, 1024], {
  bundleId: 'smollm2-int8',
  mode: 'full',
  measuredAt: '2026-01-02T03:04:05.000Z',
  device: { serial: 'virtual-1', model: 'Pixel 8', virtual: true },
  runtime: { onnxruntime: '1.30.0', node: 'v24.0.0', provider: 'cpu', arch: 'x64' },
  decodeTokens: 32,
  temperatureC: { before: 31, after: 33 },
});

const DEMO_QUALITY: StrategyQuality = {
  values: PROMPT_LEVELS.map((p) =>
    LEVELS.map((m) => {
      const value = 0.24 + 0.62 * (1 - Math.exp(-4.5 * p)) * (1 - Math.exp(-3 * (m / 100 - 0.1)));
      // A little less of a long prompt reads better than all of it.
      return Math.min(1, value + (p > 0.6 && p < 0.95 ? 0.02 : 0));
    }),
  ),
  requests: 384,
  text: 'made-up questions',
};

interface DemoRequest {
  readonly slo: Slo;
  readonly promptTokens: number;
  readonly compressibleTokens: number;
  readonly waitedMs: number;
  readonly correction: LatencyCorrection;
  /** Without it the prompt is kept whole. */
  readonly tlm: boolean;
  readonly random: () => number;
}

export function demoDecision(request: DemoRequest): { decision: Decision; grid: StrategyCell[] | null } {
  const { tlm, random, ...given } = request;
  const input = {
    ...given,
    levels: LEVELS,
    profile: DEMO_PROFILE,
    requestedLevel: null,
    requestedPromptLevel: null,
    pinnedLevel: null,
    quality: DEMO_QUALITY,
  };
  if (!tlm) return decide({ ...input, tlm: null });
  const ms = 1 + given.promptTokens * 0.015 + random();
  // The TLM knows nothing of waiting and of how warm the phone is now, and sometimes asks for too much.
  const usual = { ttft: 1.12, tpot: 1.08 };
  const guess = decide({
    ...input,
    waitedMs: 0,
    correction: usual,
    tlm: { proposed: { promptLevel: 1, modelLevel: 100 }, ms },
  }).decision.strategy;
  const proposed: Strategy =
    random() < 0.14
      ? {
          promptLevel: Math.min(1, Math.round(guess.promptLevel * 10 + 2) / 10),
          modelLevel: LEVELS.find((level) => level >= Math.min(100, guess.modelLevel + 20)) ?? 100,
        }
      : guess;
  return decide({ ...input, tlm: { proposed, ms } });
}
