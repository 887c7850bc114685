import { afterAll, describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../core/model-config.ts';
import { attentionSegments } from '../../core/elastic-graph.ts';
import { readLayer } from '../../offline/levels/reorder.ts';
import { smoothLayer, type InputRanges } from '../../offline/quantize/smooth-layer.ts';
import { tinySourceModel } from '../../offline/sources/tiny-model.ts';
import { GraphLab, largestDifference, someTokens } from './support/graph-lab.ts';
import { referenceLogits } from './support/reference-llama.ts';

/** f32 sums in another order, through 4 layers; logits are about 3 in size. */
const F32_TOLERANCE = 2e-4;

const shapes: [string, Partial<ModelConfig>][] = [
  ['grouped queries, tied head', {}],
  ['a KV head for every query head', { kvHeads: 4 }],
  ['a single KV group', { kvHeads: 1 }],
  ['a head of its own', { tiedEmbedding: false }],
  ['three layers, odd width', { layers: 3, ffnSize: 200 }],
  ['biases on q, k and v', { architecture: 'qwen2', qkvBias: true, ropeTheta: 1_000_000 }],
  [
    'normed heads wider than the model, a head of its own',
    { architecture: 'qwen3', qkNorm: true, headDim: 32, tiedEmbedding: false },
  ],
  [
    'both, and a KV head for every query head',
    { architecture: 'qwen3', qkvBias: true, qkNorm: true, kvHeads: 4 },
  ],
];

describe.each(shapes)('the elastic graph of a model with %s', (_, config) => {
  const model = tinySourceModel({ seed: 11, config });
  const lab = new GraphLab(model);
  const tokens = someTokens(9, model.config.vocabSize);
  afterAll(() => lab.close());

  it('computes at every level what the cut model computes', async () => {
    for (const { level, prefix } of lab.plan.levels) {
      const on = lab.on(prefix);
      const { logits } = await lab.run('f32', 'zero-row', tokens, on);
      const expected = referenceLogits(lab.reference, tokens, lab.plan.segments, on).flat();
      expect(largestDifference(logits.data as Float32Array, expected), `level ${level}`).toBeLessThan(
        F32_TOLERANCE,
      );
    }
  });

  it('is bit-equal with zero rows and with If, at every level and in every variant', async () => {
    for (const variant of ['f32', 'int8', 'q8', 'q4'] as const)
      for (const { prefix } of lab.plan.levels) {
        const zeroRow = await lab.run(variant, 'zero-row', tokens, lab.on(prefix));
        const conditional = await lab.run(variant, 'conditional', tokens, lab.on(prefix));
        expect(
          largestDifference(zeroRow.logits.data as Float32Array, conditional.logits.data as Float32Array),
        ).toBe(0);
        expect(zeroRow.kvDelta.dims).toEqual(conditional.kvDelta.dims);
        expect(
          largestDifference(zeroRow.kvDelta.data as Float32Array, conditional.kvDelta.data as Float32Array),
        ).toBe(0);
      }
  });

  it('runs a single token as well as a prompt', async () => {
    const [first] = tokens;
    const on = lab.on(lab.plan.ranking.length);
    const { logits } = await lab.run('f32', 'zero-row', [first ?? 0], on);
    const expected = referenceLogits(lab.reference, [first ?? 0], lab.plan.segments, on).flat();
    expect(largestDifference(logits.data as Float32Array, expected)).toBeLessThan(F32_TOLERANCE);
  });
});

describe('the elastic graph', () => {
  const model = tinySourceModel({ seed: 12 });
  const lab = new GraphLab(model);
  const tokens = someTokens(7, model.config.vocabSize);
  const full = lab.plan.ranking.length;
  afterAll(() => lab.close());

  it('returns logits only from logits_start on', async () => {
    const all = await lab.run('f32', 'zero-row', tokens, lab.on(full));
    const last = await lab.run('f32', 'zero-row', tokens, lab.on(full), tokens.length - 1);
    expect(last.logits.dims).toEqual([1, 1, model.config.vocabSize]);
    const row = (all.logits.data as Float32Array).slice(-model.config.vocabSize);
    expect(largestDifference(last.logits.data as Float32Array, row)).toBeLessThan(1e-5);
  });

  it('hands out new KV rows of the attention segments that are on, and of no others', async () => {
    const { kvHeads, headDim } = model.config;
    for (const { prefix } of lab.plan.levels) {
      const on = lab.on(prefix);
      const active = attentionSegments(lab.plan.segments).filter((segment) => on[segment] === true).length;
      const { kvDelta } = await lab.run('f32', 'zero-row', tokens, on);
      expect(kvDelta.dims).toEqual([2, active * kvHeads, tokens.length, headDim]);
    }
    expect(lab.plan.levels[0]?.prefix).toBeLessThan(full);
  });

  it.each([
    ['q8', 0.15],
    ['int8', 0.6],
    ['q4', 2.5],
  ] as const)('stays close to f32 when stored as %s', async (variant, tolerance) => {
    const exact = await lab.run('f32', 'zero-row', tokens, lab.on(full));
    const stored = await lab.run(variant, 'zero-row', tokens, lab.on(full));
    const difference = largestDifference(
      exact.logits.data as Float32Array,
      stored.logits.data as Float32Array,
    );
    expect(difference).toBeLessThan(tolerance);
    expect(difference).toBeGreaterThan(0);
  });

  it('computes the same after smoothing', () => {
    const { config } = model;
    const range = (length: number, seed: number): Float32Array =>
      Float32Array.from({ length }, (_, i) => 0.1 + ((i * 7 + seed) % 13) ** 2);
    const ranges: InputRanges = {
      attentionIn: range(config.hiddenSize, 1),
      attentionOut: range(config.heads * config.headDim, 2),
      mlpIn: range(config.hiddenSize, 3),
      mlpHidden: range(config.ffnSize, 4),
    };
    const smoothed = new GraphLab(model, (tensors) => smoothLayer(config, tensors, ranges, 0.5));
    const on = lab.on(full);
    const before = referenceLogits(lab.reference, tokens, lab.plan.segments, on).flat();
    const after = referenceLogits(smoothed.reference, tokens, lab.plan.segments, on).flat();
    expect(largestDifference(before, after)).toBeLessThan(F32_TOLERANCE);
    expect(smoothed.reference.layers[0]?.q).not.toEqual(lab.reference.layers[0]?.q);
  });

  it('computes the same in whatever order its units are', () => {
    const on = lab.plan.segments.map(() => true);
    const original = {
      ...lab.reference,
      layers: Array.from({ length: model.config.layers }, (_, layer) => readLayer(model, layer)),
    };
    const reordered = referenceLogits(lab.reference, tokens, lab.plan.segments, on).flat();
    const asIs = referenceLogits(original, tokens, lab.plan.segments, on).flat();
    expect(largestDifference(reordered, asIs)).toBeLessThan(F32_TOLERANCE);
    expect(lab.reference.layers[1]?.gate).not.toEqual(original.layers[1]?.gate);
  });
});
