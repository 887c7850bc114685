import fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { normalSample, seededRandom } from '../../core/random.ts';
import { evenImportance, orderUnits } from '../../offline/importance/unit-importance.ts';
import { changeBytes, decodeChange, encodeChange } from '../../offline/recovery/change-blocks.ts';
import { recoveredModel } from '../../offline/recovery/recovered-model.ts';
import { layerWeight, type SourceModel } from '../../offline/sources/source-model.ts';
import { plainWindow } from '../../offline/training/batch-feeds.ts';
import { ForwardModel } from '../../offline/training/forward-model.ts';
import { sampleVocabulary } from '../../offline/training/sampled-vocabulary.ts';
import { sharedLayout } from '../../offline/training/shared-layout.ts';
import { TrainingWeights } from '../../offline/training/training-weights.ts';
import { LEARNABLE_TOKENS as TOKENS } from './support/learnable-windows.ts';
import { tinyFamily } from './support/tiny-architectures.ts';
import { shapeOf } from './support/nested-shapes.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bungee-change-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a change in 4-bit blocks', () => {
  it('comes back within half a step of each block but at the far end, and then stays the same', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: -4, max: 4, noNaN: true }), { minLength: 1, maxLength: 100 }),
        (numbers) => {
          const values = Float32Array.from(numbers);
          const bytes = encodeChange(values);
          expect(bytes.length).toBe(changeBytes(values.length));
          const back = decodeChange(bytes, values.length);
          const again = decodeChange(encodeChange(back), values.length);
          for (const [i, value] of back.entries()) expect(Math.abs((again[i] ?? NaN) - value)).toBe(0);
          for (const [i, value] of values.entries()) {
            const from = i - (i % 32);
            const block = [...values.slice(from, from + 32)];
            const largest = Math.max(...block.map(Math.abs));
            const step = (block.find((each) => Math.abs(each) === largest) ?? NaN) / -8;
            // Eight steps reach to the largest value, seven the other way.
            const isFar = value * Math.sign(step) > 7.5 * Math.abs(step);
            const allowed = (isFar ? 1 : 0.5) * Math.abs(step) + largest / 2000 + 4e-7;
            expect(Math.abs((back[i] ?? NaN) - value)).toBeLessThanOrEqual(allowed);
          }
        },
      ),
    );
  });

  it('of another length is refused', () => {
    expect(() => decodeChange(new Uint8Array(18), 33)).toThrow('no change of 33 values');
  });
});

describe('a sampled vocabulary', () => {
  it('names every target and stands for all tokens', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 99 }), { maxLength: 30 }),
        fc.integer({ min: 31, max: 100 }),
        fc.integer({ min: 0, max: 1000 }),
        (named, size, seed) => {
          const { tokens, bias, placeOf } = sampleVocabulary(named, size, 100, seededRandom(seed));
          expect(new Set(tokens).size).toBe(size);
          for (const token of named) expect(tokens[placeOf.get(token) ?? -1]).toBe(BigInt(token));
          const standsFor = bias.reduce((sum, value) => sum + Math.exp(value), 0);
          expect(standsFor).toBeCloseTo(100, 3);
        },
      ),
    );
  });

  it('is refused where it has no room for the targets', () => {
    expect(() => sampleVocabulary([1, 2, 3], 3, 9, seededRandom(1))).toThrow('3 named tokens');
  });
});

describe('the model with the shared change', () => {
  it.each(['SmolLM2 with ten KV heads', 'Qwen2'] as const)(
    'computes what the training graph computes beside the weights: %s',
    async (family) => {
      const model = tinyFamily(family);
      const { config } = model;
      const orders = orderUnits(evenImportance(config)).map(({ neurons, kvGroups }) => ({
        neurons: [...neurons].reverse(),
        kvGroups: [...kvGroups].reverse(),
      }));
      const random = seededRandom(7);
      const rank = 3;
      const parameters = Float32Array.from(
        { length: sharedLayout(config, rank).total },
        () => 0.1 * normalSample(random),
      );
      const down = Array.from({ length: config.layers }, () =>
        encodeChange(
          Float32Array.from(
            { length: config.ffnSize * config.hiddenSize },
            () => 0.02 * normalSample(random),
          ),
        ),
      );
      const merged = recoveredModel(model, orders, { down, lowRank: { rank, parameters } });
      const partly = recoveredModel(model, orders, {
        down,
        lowRank: { rank: 0, parameters: new Float32Array(0) },
      });
      const layers = shapeOf(model, 0.5);
      const ids = Array.from({ length: TOKENS }, (_, i) => (i * 13) % config.vocabSize);
      const run = async (
        source: SourceModel,
        name: string,
        shared: { rank: number; parameters: Float32Array } | null,
      ): Promise<Float32Array> => {
        const weights = TrainingWeights.write(source, orders, join(folder, `${name} ${family}`));
        const forward = await ForwardModel.open({
          weights,
          layers,
          adapter: null,
          shared,
          tokens: TOKENS,
          name,
        });
        try {
          return await forward.logProbabilities(plainWindow(ids, TOKENS));
        } finally {
          await forward.close();
        }
      };
      const expected = await run(partly, 'partly', { rank, parameters });
      const actual = await run(merged, 'merged', null);
      const plain = await run(model, 'plain', null);
      const difference = (a: Float32Array, b: Float32Array): number =>
        Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number))));
      expect(difference(actual, expected)).toBeLessThan(2e-4);
      expect(difference(plain, expected)).toBeGreaterThan(0.01);
      expect(merged.tensor(layerWeight(0, 'attentionNorm'))).toEqual(
        model.tensor(layerWeight(0, 'attentionNorm')),
      );
    },
  );
});
