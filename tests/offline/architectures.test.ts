import * as ort from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import {
  attentionGroups,
  attentionSegments,
  gatedSegments,
  GRAPH,
  pastKeyName,
  pastValueName,
} from '../../core/elastic-graph.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import { promptFeeds, type Feeds } from '../../offline/graph/model-feeds.ts';
import { readLayer } from '../../offline/levels/reorder.ts';
import { smoothLayer, type InputRanges } from '../../offline/quantize/smooth-layer.ts';
import { GraphLab, largestDifference, someTokens } from './support/graph-lab.ts';
import { referenceLogits, type ReferenceModel } from './support/reference-llama.ts';
import { FAMILY_NAMES, tinyFamily } from './support/tiny-architectures.ts';

/** f32 sums in another order, through 4 layers; logits are about 3 in size. */
const F32_TOLERANCE = 3e-4;

/** A KV cache kept by hand: rows that were not computed yet hold what must not be read. */
class Past {
  length = 0;
  readonly #model: Pick<GraphLab, 'plan'> & { readonly config: ModelConfig };
  readonly #groups: readonly number[];
  /** Keys and values of each attention segment. */
  readonly #rows: readonly (readonly [Float32Array, Float32Array])[];
  readonly #capacity: number;

  constructor(model: Pick<GraphLab, 'plan'> & { readonly config: ModelConfig }, capacity: number) {
    this.#model = model;
    this.#capacity = capacity;
    this.#groups = attentionGroups(model.plan.segments);
    this.#rows = this.#groups.map((groups) => {
      const values = groups * capacity * model.config.headDim;
      return [new Float32Array(values).fill(1e4), new Float32Array(values).fill(1e4)];
    });
  }

  feeds(tokens: readonly number[], switches: readonly number[]): Feeds {
    const { config, plan } = this.#model;
    const total = this.length + tokens.length;
    const feeds = promptFeeds(config, plan.segments, tokens, 0, switches);
    feeds[GRAPH.seqlensK] = new ort.Tensor('int32', Int32Array.of(total - 1), [1]);
    feeds[GRAPH.totalLength] = new ort.Tensor('int32', Int32Array.of(total), []);
    for (const [place, groups] of this.#groups.entries())
      for (const [which, name] of [pastKeyName(place), pastValueName(place)].entries())
        feeds[name] = new ort.Tensor('float32', (this.#rows[place]?.[which] as Float32Array).slice(), [
          1,
          groups,
          this.#capacity,
          config.headDim,
        ]);
    return feeds;
  }

  /** @param active places of the attention segments that are on, ascending. */
  add(kvDelta: ort.Tensor, active: readonly number[]): void {
    const { headDim } = this.#model.config;
    const tokens = kvDelta.dims[2] ?? 0;
    const data = kvDelta.data as Float32Array;
    let at = 0;
    for (const which of [0, 1])
      for (const place of active)
        for (let group = 0; group < (this.#groups[place] ?? 0); group++) {
          const to = (group * this.#capacity + this.length) * headDim;
          this.#rows[place]?.[which]?.set(data.subarray(at, at + tokens * headDim), to);
          at += tokens * headDim;
        }
    expect(at).toBe(data.length);
    this.length += tokens;
  }
}

describe.each(FAMILY_NAMES)('a model of the family %s', (family) => {
  const model = tinyFamily(family);
  const { config } = model;
  const lab = new GraphLab(model);
  const original: ReferenceModel = {
    ...lab.reference,
    layers: Array.from({ length: config.layers }, (_, layer) => readLayer(model, layer)),
  };
  const tokens = someTokens(10, config.vocabSize);
  const full = lab.plan.ranking.length;
  afterAll(() => lab.close());

  it('reordered gives at the full level the logits of the original', async () => {
    const expected = referenceLogits(original, tokens, lab.plan.segments, lab.on(full)).flat();
    const { logits } = await lab.run('f32', 'zero-row', tokens, lab.on(full));
    expect(largestDifference(logits.data as Float32Array, expected)).toBeLessThan(F32_TOLERANCE);
    expect(lab.reference.layers[1]?.up).not.toEqual(original.layers[1]?.up);
    if (config.kvHeads > 1) {
      const orders = lab.reference.layers.map(({ k }, layer) => [k, original.layers[layer]?.k]);
      expect(orders.some(([after, before]) => after?.[0] !== before?.[0])).toBe(true);
    }
  });

  it.each(['zero-row', 'conditional'] as const)(
    'continues from its cache as the whole sequence goes (%s)',
    async (gating) => {
      const [lowest, middle] = [lab.plan.levels[0], lab.plan.levels[4]].map((level) => level?.prefix ?? 0);
      for (const prefix of [lowest ?? 0, middle ?? 0, full]) {
        const on = lab.on(prefix);
        const expected = referenceLogits(lab.reference, tokens, lab.plan.segments, on);
        const switches = gatedSegments(lab.plan).map((segment) => (on[segment] === true ? 1 : 0));
        const active = attentionSegments(lab.plan.segments).flatMap((segment, place) =>
          on[segment] === true ? [place] : [],
        );
        const session = await lab.session('f32', gating);
        const past = new Past({ config, plan: lab.plan }, tokens.length + 3);
        for (const count of [5, 3, 1, 1]) {
          const from = past.length;
          const result = await session.run(past.feeds(tokens.slice(from, from + count), switches));
          past.add(result[GRAPH.kvDelta] as ort.Tensor, active);
          const difference = largestDifference(
            result[GRAPH.logits]?.data as Float32Array,
            expected.slice(from, from + count).flat(),
          );
          expect(difference, `prefix ${prefix}, from ${from}`).toBeLessThan(F32_TOLERANCE);
        }
      }
    },
  );

  it('runs in every storage variant, alike with zero rows and with If', async () => {
    const exact = await lab.run('f32', 'zero-row', tokens, lab.on(full));
    for (const variant of ['int8', 'q8', 'q4'] as const)
      for (const prefix of [lab.plan.levels[0]?.prefix ?? 0, full]) {
        const zeroRow = await lab.run(variant, 'zero-row', tokens, lab.on(prefix));
        const conditional = await lab.run(variant, 'conditional', tokens, lab.on(prefix));
        const logits = zeroRow.logits.data as Float32Array;
        expect(largestDifference(logits, conditional.logits.data as Float32Array)).toBe(0);
        expect(
          largestDifference(zeroRow.kvDelta.data as Float32Array, conditional.kvDelta.data as Float32Array),
        ).toBe(0);
        if (prefix === full)
          expect(largestDifference(logits, exact.logits.data as Float32Array), variant).toBeLessThan(
            variant === 'q4' ? 3 : 1,
          );
      }
  });

  it('computes the same after smoothing', () => {
    const range = (length: number, seed: number): Float32Array =>
      Float32Array.from({ length }, (_, i) => 0.1 + ((i * 7 + seed) % 13) ** 2);
    const ranges: InputRanges = {
      attentionIn: range(config.hiddenSize, 1),
      attentionOut: range(config.heads * config.headDim, 2),
      mlpIn: range(config.hiddenSize, 3),
      mlpHidden: range(config.ffnSize, 4),
    };
    const smoothed: ReferenceModel = {
      ...original,
      layers: original.layers.map((layer) => smoothLayer(config, layer, ranges, 0.5)),
    };
    const on = lab.on(full);
    const before = referenceLogits(original, tokens, lab.plan.segments, on).flat();
    const after = referenceLogits(smoothed, tokens, lab.plan.segments, on).flat();
    expect(largestDifference(before, after)).toBeLessThan(F32_TOLERANCE);
    expect(smoothed.layers[0]?.v).not.toEqual(original.layers[0]?.v);
  });

  it('depends on each of the weights that only its architecture has', async () => {
    const reference = referenceLogits(original, tokens, lab.plan.segments, lab.on(full)).flat();
    for (const weight of ['qBias', 'kBias', 'vBias', 'qNorm', 'kNorm'] as const) {
      const has = original.layers[0]?.[weight] !== undefined;
      expect(has, weight).toBe(weight.endsWith('Bias') ? config.qkvBias : config.qkNorm);
      if (!has) continue;
      const without: ReferenceModel = {
        ...original,
        layers: original.layers.map((layer) => ({ ...layer, [weight]: layer[weight]?.map(() => 0) })),
      };
      const logits = referenceLogits(without, tokens, lab.plan.segments, lab.on(full)).flat();
      expect(largestDifference(logits, reference), weight).toBeGreaterThan(20 * F32_TOLERANCE);
    }
  });
});
