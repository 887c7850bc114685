import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { floatToHalf, halfToFloat } from '../../offline/quantize/half-float.ts';
import { dequantizeGgml, ggmlTypeBytes, quantizeGgml } from '../../offline/sources/gguf-blocks.ts';

const half = (value: number): number[] => {
  const bits = floatToHalf(value);
  return [bits & 255, bits >> 8];
};
/** Nibbles 0..15, 0..15: element i is i mod 16. */
const nibbles = Array.from({ length: 16 }, (_, i) => i | (i << 4));

describe('half floats', () => {
  it.each([
    [0, 0x0000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff],
    [65520, 0x7c00],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [3 * 2 ** -25, 0x0002],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [1 / 3, 0x3555],
    [Infinity, 0x7c00],
  ])('%d has bits %i', (value, bits) => expect(floatToHalf(value)).toBe(bits));

  it('survive the way to f32 and back, every bit pattern', () => {
    for (let bits = 0; bits < 1 << 16; bits++) {
      const value = halfToFloat(bits);
      if (!Number.isNaN(value)) expect(floatToHalf(value)).toBe(bits);
    }
  });
});

describe('GGML blocks', () => {
  it('decode Q4_0: low nibbles first, minus 8, times the scale', () => {
    const values = dequantizeGgml('Q4_0', Buffer.from([...half(0.5), ...nibbles]), 32);
    expect([...values]).toEqual(Array.from({ length: 32 }, (_, i) => ((i % 16) - 8) * 0.5));
  });

  it('decode Q4_1: times the scale, plus the minimum', () => {
    const values = dequantizeGgml('Q4_1', Buffer.from([...half(0.25), ...half(-3), ...nibbles]), 32);
    expect([...values]).toEqual(Array.from({ length: 32 }, (_, i) => (i % 16) * 0.25 - 3));
  });

  it('decode Q8_0: signed bytes times the scale', () => {
    const bytes = Array.from({ length: 32 }, (_, i) => (i * 8 - 128) & 255);
    const values = dequantizeGgml('Q8_0', Buffer.from([...half(2), ...bytes]), 32);
    expect([...values]).toEqual(Array.from({ length: 32 }, (_, i) => (i * 8 - 128) * 2));
  });

  it('decode F16, BF16 and F32', () => {
    expect([...dequantizeGgml('F16', Buffer.from([0x00, 0x3c, 0x00, 0xc0]), 2)]).toEqual([1, -2]);
    expect([...dequantizeGgml('BF16', Buffer.from([0x80, 0x3f, 0x00, 0xc0]), 2)]).toEqual([1, -2]);
    expect([...dequantizeGgml('F32', Buffer.from([0, 0, 0x80, 0x3f]), 1)]).toEqual([1]);
  });

  it.each([
    ['F32', 3, 12],
    ['F16', 3, 6],
    ['Q4_0', 64, 36],
    ['Q4_1', 64, 40],
    ['Q8_0', 64, 68],
    ['Q8_0', 33, null],
  ] as const)('of %s take for %i elements %s bytes', (type, elements, bytes) =>
    expect(ggmlTypeBytes(type, elements)).toBe(bytes),
  );

  const blocks = fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: 32, maxLength: 32 });

  it('stay within half a step of what was written as Q8_0', () => {
    fc.assert(
      fc.property(blocks, (numbers) => {
        const values = Float32Array.from(numbers);
        const largest = Math.max(...values.map(Math.abs));
        const back = dequantizeGgml('Q8_0', quantizeGgml('Q8_0', values), 32);
        // Half a step, and the rounding of the scale to f16.
        const bound = largest / 254 + largest * 2 ** -10 + 127 * 2 ** -24;
        for (const [i, value] of values.entries())
          expect(Math.abs((back[i] ?? 0) - value)).toBeLessThanOrEqual(bound);
      }),
    );
  });

  it('stay within a step of what was written as Q4_0', () => {
    fc.assert(
      fc.property(blocks, (numbers) => {
        const values = Float32Array.from(numbers);
        const largest = Math.max(...values.map(Math.abs));
        const back = dequantizeGgml('Q4_0', quantizeGgml('Q4_0', values), 32);
        for (const [i, value] of values.entries())
          expect(Math.abs((back[i] ?? 0) - value)).toBeLessThanOrEqual(
            largest / 8 + largest * 2 ** -9 + 2 ** -20,
          );
      }),
    );
  });
});
