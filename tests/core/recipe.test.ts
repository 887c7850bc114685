import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../core/model-config.ts';
import { decodeOrders, decodeRanges, encodeOrders, encodeRanges } from '../../core/recipe-blobs.ts';
import { unwrap } from '../../core/result.ts';

const CONFIG: ModelConfig = {
  architecture: 'llama',
  hiddenSize: 6,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 2,
  ffnSize: 9,
  vocabSize: 10,
  contextLength: 16,
  ropeTheta: 10_000,
  rmsNormEps: 1e-5,
  tiedEmbedding: true,
  qkvBias: false,
  qkNorm: false,
};

const permutation = (length: number): fc.Arbitrary<number[]> =>
  fc.shuffledSubarray([...Array(length).keys()], { minLength: length });
const orders = fc.array(fc.record({ neurons: permutation(9), kvGroups: permutation(2) }), {
  minLength: 2,
  maxLength: 2,
});
const range = (length: number): fc.Arbitrary<Float32Array> =>
  fc.float32Array({ minLength: length, maxLength: length, min: 0, noNaN: true, noDefaultInfinity: true });
const ranges = fc.array(
  fc.record({ attentionIn: range(6), attentionOut: range(8), mlpIn: range(6), mlpHidden: range(9) }),
  { minLength: 2, maxLength: 2 },
);

describe('the blobs of a recipe', () => {
  it('give back every order and every range', () => {
    fc.assert(
      fc.property(orders, ranges, (order, range) => {
        expect(unwrap(decodeOrders(CONFIG, encodeOrders(CONFIG, order), 'orders.bin'))).toEqual(order);
        expect(unwrap(decodeRanges(CONFIG, encodeRanges(range), 'ranges.bin'))).toEqual(range);
      }),
    );
  });

  it('of a wrong size name the file and both sizes', () => {
    for (const decode of [decodeOrders, decodeRanges])
      expect(decode(CONFIG, new Uint8Array(7), 'some.bin')).toMatchObject({
        ok: false,
        failure: {
          code: 'recipe-corrupt',
          message: expect.stringMatching(/^some\.bin has 7 bytes in place of/),
        },
      });
  });

  it('with a unit named twice name the layer and the kind', () => {
    const good = { neurons: [...Array(9).keys()], kvGroups: [1, 0] };
    const bytes = encodeOrders(CONFIG, [good, { ...good, kvGroups: [1, 1] }]);
    expect(decodeOrders(CONFIG, bytes, 'orders.bin')).toMatchObject({
      ok: false,
      failure: { message: 'orders.bin: the kvGroups of layer 1 are not each named once.' },
    });
  });

  it('with what is no range name the layer and the kind', () => {
    const good = {
      attentionIn: new Float32Array(6),
      attentionOut: new Float32Array(8),
      mlpIn: new Float32Array(6),
      mlpHidden: new Float32Array(9),
    };
    const bytes = encodeRanges([good, { ...good, mlpIn: Float32Array.of(0, 0, NaN, 0, 0, 0) }]);
    expect(decodeRanges(CONFIG, bytes, 'ranges.bin')).toMatchObject({
      ok: false,
      failure: { message: 'ranges.bin: mlpIn of layer 1 holds what is no range.' },
    });
  });
});
