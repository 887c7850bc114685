import { describe, expect, test } from 'vitest';
import { adapterLayout, decodeAdapter, encodeAdapter } from '../../core/recovery-adapter.ts';

const config = { hiddenSize: 6, layers: 2, heads: 2, headDim: 4, ffnSize: 10 };

describe('adapterLayout', () => {
  test('puts A and B of each site layer by layer, then the biases, without gaps', () => {
    const { total, entries } = adapterLayout(config, {
      sites: ['o', 'mlp', 'down'],
      rank: 3,
      bias: true,
      norms: false,
    });
    let end = 0;
    for (const { offset, dims } of entries) {
      expect(offset).toBe(end);
      end += dims.reduce((product, dim) => product * dim, 1);
    }
    expect(end).toBe(total);
    expect(entries.map(({ layer, site, kind }) => `${layer} ${site ?? '-'} ${kind}`)).toEqual([
      ...[0, 1].flatMap((layer) =>
        ['o', 'mlp', 'down'].flatMap((site) => [`${layer} ${site} a`, `${layer} ${site} b`]),
      ),
      '0 - bias',
      '1 - bias',
    ]);
    expect(entries.slice(0, 6).map(({ dims }) => dims)).toEqual([
      [8, 3],
      [3, 6],
      [6, 3],
      [3, 6],
      [10, 3],
      [3, 6],
    ]);
  });

  test('leaves out what the shape has not', () => {
    expect(adapterLayout(config, { sites: [], rank: 0, bias: false, norms: false })).toEqual({
      total: 0,
      entries: [],
    });
    expect(adapterLayout(config, { sites: [], rank: 0, bias: true, norms: false }).total).toBe(12);
    expect(adapterLayout(config, { sites: ['mlp'], rank: 2, bias: false, norms: false }).total).toBe(
      2 * (12 + 12),
    );
  });
});

test('parameters come back from their bytes rounded to float16, wherever the bytes lie', () => {
  const values = Float32Array.of(0, -1.5, 0.1, 6e-8, 65000, -3e-5);
  const bytes = encodeAdapter(values);
  const shifted = new Uint8Array(bytes.length + 1);
  shifted.set(bytes, 1);
  const back = decodeAdapter(shifted.subarray(1));
  expect(back.length).toBe(values.length);
  for (const [i, value] of values.entries())
    expect(Math.abs((back[i] ?? NaN) - value)).toBeLessThanOrEqual(Math.abs(value) * 2 ** -11 + 2 ** -25);
});
