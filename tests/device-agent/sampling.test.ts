import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  argmax,
  createSampler,
  drawToken,
  logprobsOf,
  topIndices,
} from '../../device-agent/engine/sampling.ts';

const logitsArbitrary = fc
  .array(fc.float({ min: -30, max: 30, noNaN: true }), { minLength: 1, maxLength: 200 })
  .map((values) => Float32Array.from(values));

function softmax(logits: Float32Array, temperature: number): number[] {
  const max = Math.max(...logits);
  const weights = [...logits].map((value) => Math.exp((value - max) / temperature));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

describe('argmax and topIndices', () => {
  test('the lowest index wins ties', () => {
    expect(argmax(Float32Array.of(1, 3, 3, 2))).toBe(1);
    expect(topIndices(Float32Array.of(1, 3, 3, 2), 3)).toEqual([1, 2, 3]);
  });

  test('topIndices equals a full sort', () => {
    fc.assert(
      fc.property(logitsArbitrary, fc.integer({ min: 0, max: 30 }), (logits, count) => {
        const sorted = [...logits.keys()].sort(
          (a, b) => (logits[b] as number) - (logits[a] as number) || a - b,
        );
        expect(topIndices(logits, count)).toEqual(sorted.slice(0, count));
      }),
    );
  });
});

describe('drawToken', () => {
  test('draws each token with its softmax share', () => {
    const logits = Float32Array.of(2, 0, 1, -1, 0.5);
    for (const temperature of [0.5, 1, 2]) {
      const shares = [0, 0, 0, 0, 0];
      const steps = 20_000;
      for (let i = 0; i < steps; i++) {
        const token = drawToken(logits, temperature, 1, (i + 0.5) / steps);
        shares[token] = (shares[token] ?? 0) + 1 / steps;
      }
      for (const [token, share] of softmax(logits, temperature).entries())
        expect(shares[token]).toBeCloseTo(share, 3);
    }
  });

  test('top_p keeps the smallest set of most probable tokens that reaches it', () => {
    const logits = Float32Array.from([0.5, 0.3, 0.15, 0.05].map(Math.log));
    const drawn = (topP: number): number[] =>
      [...new Set(Array.from({ length: 1000 }, (_, i) => drawToken(logits, 1, topP, i / 1000)))].sort();
    expect(drawn(0.4)).toEqual([0]);
    expect(drawn(0.7)).toEqual([0, 1]);
    expect(drawn(0.9)).toEqual([0, 1, 2]);
    expect(drawn(1)).toEqual([0, 1, 2, 3]);
  });

  test('never draws a token outside of the nucleus', () => {
    const probability = fc.double({ min: 0.01, max: 0.999, noNaN: true });
    fc.assert(
      fc.property(logitsArbitrary, probability, probability, (logits, topP, u) => {
        const token = drawToken(logits, 1, topP, u);
        const shares = softmax(logits, 1);
        const better = shares.filter((share) => share > (shares[token] ?? 0) + 1e-12);
        expect(better.reduce((a, b) => a + b, 0)).toBeLessThan(topP + 1e-6);
      }),
    );
  });
});

describe('createSampler', () => {
  const logits = Float32Array.from({ length: 50 }, (_, i) => Math.sin(i));

  test('temperature 0 is greedy', () => {
    expect(createSampler({ temperature: 0, topP: 1, seed: 3 })(logits)).toBe(argmax(logits));
  });

  test('a seed repeats the draws and another one changes them', () => {
    const draws = (seed: number): number[] => {
      const sample = createSampler({ temperature: 1, topP: 1, seed });
      return Array.from({ length: 20 }, () => sample(logits));
    };
    expect(draws(7)).toEqual(draws(7));
    expect(draws(7)).not.toEqual(draws(8));
  });
});

test('logprobsOf is the log of softmax at temperature 1', () => {
  fc.assert(
    fc.property(logitsArbitrary, (logits) => {
      const token = logits.length >> 1;
      const { logprob, top } = logprobsOf(logits, token, 3);
      const shares = softmax(logits, 1);
      expect(logprob).toBeCloseTo(Math.log(shares[token] ?? 0), 6);
      expect(top.map((each) => each.token)).toEqual(topIndices(logits, 3));
      for (const each of top) expect(each.logprob).toBeCloseTo(Math.log(shares[each.token] ?? 0), 6);
    }),
  );
});
