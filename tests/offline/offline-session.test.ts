import { describe, expect, it } from 'vitest';
import { OFFLINE_SESSION } from '../../offline/graph/model-feeds.ts';
import { f32Session } from '../../offline/graph/offline-session.ts';
import { TINY_CONFIG } from '../../offline/sources/tiny-model.ts';

describe('a session over f32 weights', () => {
  const shape = { ...TINY_CONFIG, vocabSize: 49_152 };
  const small = { ...shape, layers: 30, hiddenSize: 576, heads: 9, kvHeads: 3, headDim: 64, ffnSize: 1536 };
  const large = {
    ...shape,
    layers: 24,
    hiddenSize: 2048,
    heads: 32,
    kvHeads: 32,
    headDim: 64,
    ffnSize: 8192,
  };

  it('packs the matrices of a model of 135M parameters', () =>
    expect(f32Session(small, 'cpu')).toBe(OFFLINE_SESSION));

  it('computes on the mapped file of one of 1.7B, and waits without spinning too', () =>
    expect(f32Session(large, 'cpu')).toEqual({
      extra: { session: { disable_prepacking: '1', intra_op: { allow_spinning: '0' } } },
    }));
});
