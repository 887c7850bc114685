import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LatencyProfile } from '../../core/latency-profile.ts';
import { LEVELS, type Level } from '../../core/level.ts';
import { PROMPT_LEVELS } from '../../core/prompt-level.ts';
import type { Slo } from '../../core/slo.ts';
import { decide, type DecisionInput } from '../../core/decide.ts';
import { madeProfile } from './support/made-profile.ts';

/** A device on which TTFT = tokens * level / 100 ms and TPOT = 4 + level / 10 ms. */
const linearProfile = (): LatencyProfile =>
  madeProfile((level, tokens) => ({ ttftMs: (tokens * level) / 100, tpotMs: 4 + level / 10 }), [100, 400]);

const base: DecisionInput = {
  levels: LEVELS,
  profile: linearProfile(),
  promptTokens: 100,
  slo: null,
  compressibleTokens: 0,
  requestedPromptLevel: null,
  tlm: null,
  quality: null,
  correction: { ttft: 1, tpot: 1 },
  requestedLevel: null,
  pinnedLevel: null,
  waitedMs: 0,
};
const levelFor = (input: Partial<DecisionInput>): [Level, string] => {
  const { decision } = decide({ ...base, ...input });
  return [decision.strategy.modelLevel, decision.decidedBy];
};

const PROPOSED = { promptLevel: 0.6, modelLevel: 60 } as const;
/** Levels matter more than the prompt. */
const QUALITY = {
  values: PROMPT_LEVELS.map((p) => LEVELS.map((m) => 0.1 * p + (0.8 * m) / 100)),
  requests: 1,
  text: 'made up',
};

describe('decide', () => {
  test.each<[string, Partial<DecisionInput>, Level, string]>([
    ['no SLO gives the full level', {}, 100, 'no-slo'],
    ['an empty SLO bounds nothing', { slo: {} }, 100, 'no-slo'],
    ['<1, 1> is the full level', { slo: { ttft: 1, tpot: 1 } }, 100, 'profile'],
    ['handing over does not cost a level', { slo: { ttft: 1, tpot: 1 }, waitedMs: 2 }, 100, 'profile'],
    ['TTFT ratio, with headroom', { slo: { ttft: 0.4 } }, 30, 'profile'],
    ['the lowest level needs no headroom', { slo: { ttft: 0.2 } }, 20, 'profile'],
    ['TPOT ratio: 85 % of 0.75 * 14 ms = 8.9 ms', { slo: { tpot: 0.75 } }, 40, 'profile'],
    ['the tighter bound counts', { slo: { ttft: 0.9, tpotMs: 7 } }, 20, 'profile'],
    ['TTFT in ms', { slo: { ttftMs: 55 } }, 40, 'profile'],
    ['waiting takes from the TTFT budget', { slo: { ttftMs: 80 }, waitedMs: 42 }, 20, 'profile'],
    ['nothing fits', { slo: { ttft: 0.1 } }, 20, 'nothing-feasible'],
    ['waited too long', { slo: { ttft: 1 }, waitedMs: 500 }, 20, 'nothing-feasible'],
    ['a named level', { slo: { ttft: 0.2 }, requestedLevel: 80 }, 80, 'request'],
    ['pinned beats named', { requestedLevel: 80, pinnedLevel: 30 }, 30, 'pinned'],
    [
      'without a profile ratios follow the cost law',
      { profile: null, slo: { ttft: 0.65, tpot: 0.9 } },
      60,
      'no-profile',
    ],
    ['0.2 is level 20', { profile: null, slo: { ttft: 0.2 } }, 20, 'no-profile'],
    ['below every level', { profile: null, slo: { ttft: 0.05 } }, 20, 'no-profile'],
    ['ms cannot be judged without a profile', { profile: null, slo: { ttftMs: 1 } }, 100, 'no-profile'],
  ])('%s', (_name, input, level, by) => {
    expect(levelFor(input)).toEqual([level, by]);
  });

  test('says what it expected and what the ratios refer to', () => {
    const { decision } = decide({ ...base, slo: { ttft: 0.5, tpot: 0.9 }, promptTokens: 200 });
    expect(decision).toMatchObject({
      strategy: { promptLevel: 1, modelLevel: 40 },
      feasible: true,
      limits: { ttftMs: 100, tpotMs: 12.6 },
      reference: { ttftMs: 200, tpotMs: 14 },
      predicted: { ttftMs: 80, tpotMs: 8 },
    });
    expect(decide({ ...base, slo: { ttft: 0.1 } }).decision.feasible).toBe(false);
    expect(decide({ ...base, profile: null, slo: { ttft: 0.5 } }).decision).toMatchObject({
      feasible: null,
      limits: null,
      predicted: null,
    });
    expect(decide({ ...base, profile: null, slo: { ttftMs: 70 } }).decision.limits).toEqual({
      ttftMs: 70,
      tpotMs: null,
    });
    expect(decide({ ...base, pinnedLevel: 100, slo: { ttft: 0.5 } }).decision.feasible).toBe(false);
  });

  test.each<[string, Partial<DecisionInput>, Level, number, string]>([
    ['a proposal that keeps the SLO', {}, 60, 0.6, 'tlm'],
    [
      'one that does not: the feasible strategy of the best quality',
      { slo: { ttft: 0.3 } },
      100,
      0.2,
      'guard',
    ],
    [
      'one that does not on the device as it is now',
      { correction: { ttft: 1.5, tpot: 1 } },
      100,
      0.2,
      'guard',
    ],
    ['nothing feasible: the lightest of both', { slo: { ttftMs: 1 } }, 20, 0.1, 'nothing-feasible'],
    [
      'one that does not for the time that the TLM took',
      { tlm: { proposed: PROPOSED, ms: 9 } },
      100,
      0.3,
      'guard',
    ],
    ['a prompt level by number', { requestedPromptLevel: 0.4 }, 100, 0.4, 'request'],
  ])('with a TLM, %s', (_name, change, modelLevel, promptLevel, by) => {
    const { decision } = decide({
      ...base,
      compressibleTokens: 90,
      slo: { ttft: 0.5 },
      tlm: { proposed: PROPOSED, ms: 4 },
      quality: QUALITY,
      ...change,
    });
    expect([decision.strategy, decision.decidedBy]).toEqual([{ promptLevel, modelLevel }, by]);
  });

  const bound = fc.double({ min: 0.01, max: 2, noNaN: true });
  const scenario = fc.record({
    ttft: bound,
    tpot: bound,
    tighter: fc.double({ min: 0.05, max: 1, noNaN: true }),
    promptTokens: fc.integer({ min: 1, max: 2000 }),
    waitedMs: fc.double({ min: 0, max: 300, noNaN: true }),
    profiled: fc.boolean(),
  });

  test('a tighter SLO never gives a larger level', () => {
    fc.assert(
      fc.property(scenario, ({ ttft, tpot, tighter, promptTokens, waitedMs, profiled }) => {
        const profile = profiled ? base.profile : null;
        const at = (slo: Slo): number => levelFor({ slo, promptTokens, waitedMs, profile })[0];
        expect(at({ ttft: ttft * tighter, tpot })).toBeLessThanOrEqual(at({ ttft, tpot }));
        expect(at({ ttft, tpot: tpot * tighter })).toBeLessThanOrEqual(at({ ttft, tpot }));
      }),
    );
  });

  test('a longer wait never gives a larger level', () => {
    fc.assert(
      fc.property(scenario, ({ ttft, tpot, tighter, promptTokens, waitedMs }) => {
        const at = (waited: number): number =>
          levelFor({ slo: { ttft, tpot }, promptTokens, waitedMs: waited })[0];
        expect(at(waitedMs)).toBeLessThanOrEqual(at(waitedMs * tighter));
      }),
    );
  });
});
