import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dequantizeBlocks, quantizeBlocks4, quantizeBlocks8 } from '../../offline/quantize/block-wise.ts';
import { dequantizePerChannel, quantizePerChannel } from '../../offline/quantize/per-channel.ts';

const matrix = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 80 }))
  .chain(([rows, columns]) =>
    fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      values: fc
        .array(fc.float({ min: -10, max: 10, noNaN: true }), {
          minLength: rows * columns,
          maxLength: rows * columns,
        })
        .map((values) => Float32Array.from(values)),
    }),
  );

/** Activations are unsigned bytes. */
const LARGEST_ACTIVATION = 255;
/** Scales below the normal f32 range are lost; such weights are noise. */
const SMALLEST = 1e-36;

function largest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

describe('quantized weights', () => {
  it('per channel int8 stay within half a step of their row', () => {
    fc.assert(
      fc.property(matrix, ({ rows, columns, values }) => {
        const quantized = quantizePerChannel(values, rows);
        const back = dequantizePerChannel(quantized);
        for (let row = 0; row < rows; row++) {
          const bound = (quantized.scales[row] ?? 0) * 0.501 + SMALLEST;
          const size = largest(values.subarray(row * columns, (row + 1) * columns));
          // Two of one sign may be of that size: the step is at most twice what one alone needs.
          expect(quantized.scales[row]).toBeLessThanOrEqual(size < SMALLEST ? 1 : (2 * size) / 126.9);
          for (let i = row * columns; i < (row + 1) * columns; i++)
            expect(Math.abs((back[i] ?? 0) - (values[i] ?? 0))).toBeLessThanOrEqual(bound);
        }
      }),
    );
  });

  it('per channel int8 fit into 16 bits by pairs, whatever the activations', () => {
    fc.assert(
      fc.property(matrix, ({ rows, columns, values }) => {
        const quantized = quantizePerChannel(values, rows).values;
        for (let row = 0; row < rows; row++)
          for (let k = 0; k < columns; k++) {
            const pair = [quantized[k * rows + row] ?? 0, quantized[(k + 1) * rows + row] ?? 0];
            const reaches = (sign: number): number =>
              pair.reduce((sum, weight) => sum + LARGEST_ACTIVATION * Math.max(0, sign * weight), 0);
            expect(Math.max(reaches(1), reaches(-1))).toBeLessThanOrEqual(32_767);
          }
      }),
    );
  });

  it('in 8-bit blocks stay within half a step of their block', () => {
    fc.assert(
      fc.property(matrix, ({ rows, columns, values }) => {
        const back = dequantizeBlocks(quantizeBlocks8(values, rows), rows, columns);
        for (let i = 0; i < values.length; i++)
          expect(Math.abs((back[i] ?? 0) - (values[i] ?? 0))).toBeLessThanOrEqual(
            largest(values) / 253 + SMALLEST,
          );
      }),
    );
  });

  it('in 4-bit blocks stay within a step of their block', () => {
    fc.assert(
      fc.property(matrix, ({ rows, columns, values }) => {
        const back = dequantizeBlocks(quantizeBlocks4(values, rows), rows, columns);
        const range = Math.max(0, ...values) - Math.min(0, ...values);
        for (let i = 0; i < values.length; i++)
          expect(Math.abs((back[i] ?? 0) - (values[i] ?? 0))).toBeLessThanOrEqual(
            (range / 15) * 1.001 + 1e-6,
          );
      }),
    );
  });

  it('lie as the operators want them', () => {
    // Two output channels, two inputs: [K, N], so channel 0 is every second value.
    // The first has signs that differ, so each may be the largest; those of the second share the room.
    expect([...quantizePerChannel(Float32Array.of(127, -127, 1, 0.5), 2).values]).toEqual([
      127, 85, -127, 42,
    ]);
    const eight = quantizeBlocks8(Float32Array.of(127, -127, 0), 1);
    expect([...eight.values.subarray(0, 4)]).toEqual([255, 1, 128, 128]);
    const four = quantizeBlocks4(Float32Array.of(-7, 8, 0), 1);
    // Step 1, zero point 7: 0 and 15 in the first byte, 7 and padding (7) in the second.
    expect([...four.values.subarray(0, 2)]).toEqual([0xf0, 0x77]);
    expect([...(four.zeroPoints ?? [])]).toEqual([7]);
  });
});
