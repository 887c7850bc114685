import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ProviderSpeed } from '../../core/provider-proof.ts';
import type { ExecutionProvider } from '../../core/runtime-pack.ts';
import { chooseProviders } from '../../device-agent/proof/choose-provider.ts';
import { compareOutputs, NUMERICS_BOUND } from '../../device-agent/proof/compare-outputs.ts';
import { measureSpeeds, type PhaseTimer } from '../../device-agent/proof/measure-speed.ts';

const rowsOf = (expected: Float32Array, found: Float32Array, width: number) =>
  [
    { values: expected, width },
    { values: found, width },
  ] as const;

describe('compareOutputs', () => {
  const reference = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i) * 5);

  test('equal outputs differ by nothing', () => {
    expect(
      compareOutputs(reference, reference.slice(), rowsOf(reference, reference.slice(), 8)),
    ).toMatchObject({
      finite: true,
      maxAbs: 0,
      maxRel: 0,
      rmsRel: 0,
      top1Agreement: 1,
      klNats: 0,
      within: true,
    });
  });

  test.each<[string, (value: number, i: number) => number, boolean]>([
    ['half floats', (value) => value * (1 + 1 / 2048), true],
    ['a twentieth off', (value) => value * 1.05, false],
    ['one infinite value', (value, i) => (i === 9 ? Infinity : value), false],
    ['one value that is no number', (value, i) => (i === 9 ? Number.NaN : value), false],
    ['all zero', () => 0, false],
  ])('%s: within %s', (_what, change, within) => {
    const actual = reference.map(change);
    expect(compareOutputs(reference, actual, rowsOf(reference, actual, 8)).within).toBe(within);
  });

  test('an output of another length is never within', () => {
    expect(compareOutputs(reference, reference.slice(1), null)).toMatchObject({
      finite: false,
      within: false,
    });
  });

  test('a tie that rounding turns over is told, not judged; a distribution that moved is', () => {
    // Two candidates per row, so close that an error far below the bound turns every row over.
    const close = Float32Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 10 : 9.999));
    const turned = Float32Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 9.999 : 10));
    expect(compareOutputs(close, turned, null)).toMatchObject({
      top1Agreement: null,
      klNats: null,
      within: true,
    });
    expect(compareOutputs(close, turned, rowsOf(close, turned, 2))).toMatchObject({
      top1Agreement: 0,
      within: true,
    });
    // 1 % of values that all are large moves a probability far.
    const large = Float32Array.of(100, 100);
    const moved = Float32Array.of(101, 99);
    expect(compareOutputs(large, moved, null).within).toBe(true);
    expect(compareOutputs(large, moved, rowsOf(large, moved, 2)).within).toBe(false);
  });

  test('the divergence is that of the definition', () => {
    const [expected, found] = [Float32Array.of(0, Math.log(3)), Float32Array.of(0, 0)];
    const { klNats } = compareOutputs(expected, found, rowsOf(expected, found, 2));
    expect(klNats).toBeCloseTo(0.25 * Math.log(0.25 / 0.5) + 0.75 * Math.log(0.75 / 0.5), 6);
  });

  test('the relative difference is that of the noise, whatever the values', () => {
    const values = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 4, maxLength: 50 });
    fc.assert(
      fc.property(values, fc.double({ min: 0.001, max: 0.5, noNaN: true }), (numbers, noise) => {
        const expected = Float32Array.from(numbers);
        fc.pre(expected.some((value) => Math.abs(value) > 1e-3));
        const { rmsRel, within } = compareOutputs(
          expected,
          expected.map((value) => value * (1 + noise)),
          null,
        );
        expect(rmsRel).toBeCloseTo(noise, 4);
        if (Math.abs(noise - NUMERICS_BOUND.rmsRel) > 1e-3)
          expect(within).toBe(noise < NUMERICS_BOUND.rmsRel);
      }),
    );
  });
});

describe('chooseProviders', () => {
  const speed = (prefillMs: readonly number[], decodeMs: number | null): ProviderSpeed => ({
    prefill: prefillMs.map((medianMs, i) => ({ tokens: 128 * (i + 1), medianMs, runs: 4 })),
    decodeMs,
  });
  const CPU = speed([10, 40], 8);
  type Rivals = readonly (readonly [ExecutionProvider, ProviderSpeed])[];
  const chosen = (rivals: Rivals, cpu = CPU) =>
    chooseProviders(new Map(rivals.map(([provider, own]) => [provider, { own, cpu }]))).chosen;

  test.each<[string, Rivals, ExecutionProvider, ExecutionProvider]>([
    ['the CPU alone', [], 'cpu', 'cpu'],
    ['one that is faster in prefill', [['nnapi', speed([9, 10], null)]], 'nnapi', 'cpu'],
    ['one that is as fast', [['nnapi', speed([10, 38], null)]], 'cpu', 'cpu'],
    ['one that is slower', [['nnapi', speed([10, 400], null)]], 'cpu', 'cpu'],
    [
      'the faster of two',
      [
        ['xnnpack', speed([5, 20], 9)],
        ['nnapi', speed([8, 30], 2)],
      ],
      'xnnpack',
      'nnapi',
    ],
    ['one that no length was measured on', [['nnapi', speed([], null)]], 'cpu', 'cpu'],
  ])('%s', (_what, rivals, prefill, decode) => {
    expect(chosen(rivals)).toEqual({ prefill, decode });
  });

  test('only lengths that both ran count', () => {
    expect(chosen([['nnapi', speed([11, 1], null)]], speed([10], 8)).prefill).toBe('cpu');
  });

  test('each is judged against the CPU of its own minutes', () => {
    const hot = { own: speed([20], null), cpu: speed([40], 8) };
    const cool = { own: speed([9.5], null), cpu: speed([10], 8) };
    expect(
      chooseProviders(
        new Map([
          ['xnnpack', cool],
          ['nnapi', hot],
        ] as const),
      ).chosen.prefill,
    ).toBe('nnapi');
  });

  test('never picks one that was not measured, nor a slower one, whatever the figures', () => {
    const ms = fc.double({ min: 0.01, max: 1000, noNaN: true });
    const any = fc.record({ prefill: fc.option(ms), decode: fc.option(ms) });
    fc.assert(
      fc.property(ms, ms, any, any, (cpuPrefill, cpuDecode, xnnpack, nnapi) => {
        const measured = { xnnpack, nnapi };
        const of = (provider: 'xnnpack' | 'nnapi') => {
          const { prefill, decode } = measured[provider];
          return [provider, speed(prefill === null ? [] : [prefill], decode)] as const;
        };
        const found = chosen([of('xnnpack'), of('nnapi')], speed([cpuPrefill], cpuDecode));
        for (const [phase, cpuMs] of [
          ['prefill', cpuPrefill],
          ['decode', cpuDecode],
        ] as const) {
          const provider = found[phase];
          if (provider === 'cpu') continue;
          expect(measured[provider][phase] ?? Infinity).toBeLessThanOrEqual(0.9 * cpuMs + 1e-9);
        }
      }),
    );
  });
});

describe('measureSpeeds', () => {
  const timer = (log: string[], name: string, ms: () => number, decodes = true): PhaseTimer => ({
    prefillMs: (tokens) => {
      log.push(`${name} ${tokens}`);
      return Promise.resolve(ms());
    },
    decodeMs: decodes ? () => Promise.resolve(ms() / 10) : null,
  });

  test('takes turns, leaves the first run out and gives medians', async () => {
    const log: string[] = [];
    let run = 0;
    const timers = {
      a: timer(log, 'a', () => [1000, 5, 7, 900, 6][run++] ?? 0, false),
      b: timer(log, 'b', () => 3),
    };
    const { a, b } = await measureSpeeds(timers, [32], () => false);
    expect(log.slice(0, 4)).toEqual(['a 32', 'b 32', 'a 32', 'b 32']);
    expect(a).toEqual({ prefill: [{ tokens: 32, medianMs: 6.5, runs: 4 }], decodeMs: null });
    expect(b.decodeMs).toBeCloseTo(0.3);
  });

  test('ends when it is cancelled, with what there is', async () => {
    const log: string[] = [];
    const { a } = await measureSpeeds({ a: timer(log, 'a', () => 1) }, [32, 128], () => log.length >= 2);
    expect(log).toHaveLength(2);
    expect(a).toEqual({ prefill: [], decodeMs: null });
  });
});
