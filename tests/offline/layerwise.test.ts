import fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { normalSample, seededRandom } from '../../core/random.ts';
import { eliminate } from '../../offline/importance/elimination-order.ts';
import { eliminationScores } from '../../offline/importance/elimination-scores.ts';
import { invertByCholesky } from '../../offline/layerwise/cholesky.ts';
import { MlpSums } from '../../offline/layerwise/mlp-sums.ts';
import { invertRidge, solveRidge } from '../../offline/layerwise/positive-definite.ts';
import { TrainingWeights } from '../../offline/training/training-weights.ts';
import { plainWindow } from '../../offline/training/batch-feeds.ts';
import { tinyFamily } from './support/tiny-architectures.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bungee-layerwise-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function normals(count: number, seed: number): Float64Array {
  const random = seededRandom(seed);
  return Float64Array.from({ length: count }, () => normalSample(random));
}

/** X^T X of [rows, n]. */
function gramOf(x: Float64Array, n: number): Float64Array {
  const gram = new Float64Array(n * n);
  for (let row = 0; row < x.length; row += n)
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        gram[i * n + j] = (gram[i * n + j] ?? 0) + (x[row + i] ?? 0) * (x[row + j] ?? 0);
  return gram;
}

/** Least |X W - Y|^2 over W that has rows for `kept` columns of X alone, with a ridge; by normal equations. */
function leftover(
  gram: Float64Array,
  down: Float64Array,
  n: number,
  kept: readonly number[],
  ridge: number,
): number {
  const d = down.length / n;
  const regular = gram.map((value, i) => value + (i % (n + 1) === 0 ? ridge : 0));
  const gone = Array.from({ length: n }, (_, i) => i).filter((i) => !kept.includes(i));
  // Schur complement of the kept block: what the kept ones cannot say of the gone ones.
  const block = Float64Array.from(kept.flatMap((i) => kept.map((j) => regular[i * n + j] ?? 0)));
  const across = Float64Array.from(kept.flatMap((i) => gone.map((j) => regular[i * n + j] ?? 0)));
  const inverse = invertByCholesky(block, kept.length);
  const solved = across.map((_, at) => {
    const [row, column] = [Math.floor(at / gone.length), at % gone.length];
    return kept.reduce(
      (sum, _kept, k) =>
        sum + (inverse[row * kept.length + k] ?? 0) * (across[k * gone.length + column] ?? 0),
      0,
    );
  });
  let sum = 0;
  for (const [a, i] of gone.entries())
    for (const [b, j] of gone.entries()) {
      let schur = regular[i * n + j] ?? 0;
      for (const k of kept.keys())
        schur -= (across[k * gone.length + a] ?? 0) * (solved[k * gone.length + b] ?? 0);
      for (let c = 0; c < d; c++) sum += (down[i * d + c] ?? 0) * schur * (down[j * d + c] ?? 0);
    }
  return sum;
}

describe('positive definite matrices', () => {
  it('are solved and inverted, in one piece or by halves', async () => {
    // From 97 on by halves, from 193 on by halves of halves.
    const sizes = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(96, 97, 193));
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 1000 }), async (n, seed) => {
        const gram = gramOf(normals(n * (n + 3), seed), n);
        const before = gram.slice();
        const wanted = normals(n * 2, seed + 1);
        const ridge = 0.5;
        const b = new Float64Array(n * 2);
        for (let i = 0; i < n; i++)
          for (let c = 0; c < 2; c++)
            for (let j = 0; j < n; j++)
              b[i * 2 + c] =
                (b[i * 2 + c] ?? 0) +
                ((gram[i * n + j] ?? 0) + (i === j ? ridge : 0)) * (wanted[j * 2 + c] ?? 0);
        const solved = await solveRidge(gram, b, n, ridge);
        for (const [i, value] of wanted.entries()) expect(solved[i]).toBeCloseTo(value, 6);
        const inverse = await invertRidge(gram, n, ridge);
        expect(gram).toEqual(before);
        let worst = 0;
        for (let i = 0; i < n; i++)
          for (let j = 0; j < n; j++) {
            let product = ridge * (inverse[i * n + j] ?? NaN);
            for (let k = 0; k < n; k++) product += (gram[i * n + k] ?? 0) * (inverse[k * n + j] ?? NaN);
            worst = Math.max(worst, Math.abs(product - (i === j ? 1 : 0)));
          }
        expect(worst).toBeLessThan(1e-7);
      }),
      { numRuns: 25 },
    );
  });

  it('that are not are refused', async () => {
    const [a, b] = [Float64Array.of(1, 2, 2, 1), Float64Array.of(1, 1)];
    await expect(solveRidge(a, b, 2, 0)).rejects.toThrow('row 1 of 2');
  });
});

describe('the order by elimination', () => {
  it('leaves out each time what costs least once the others make up for it', async () => {
    const n = 7;
    const d = 3;
    const x = normals(40 * n, 5);
    // Correlated columns: the fifth is nearly the sum of the first two, so it can go first.
    for (let row = 0; row < x.length; row += n)
      x[row + 4] = (x[row] ?? 0) + (x[row + 1] ?? 0) + 0.01 * (x[row + 4] ?? 0);
    const gram = gramOf(x, n);
    const down = normals(n * d, 6);
    let trace = 0;
    for (let i = 0; i < n; i++) trace += gram[i * n + i] ?? 0;
    const ridge = (0.01 * trace) / n;
    const { order } = await eliminate(gram.slice(), Float32Array.from(down), n);
    expect([...order].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    for (let left = n; left > 1; left--) {
      const kept = order.slice(0, left);
      const costs = kept.map((neuron) =>
        leftover(
          gram,
          Float64Array.from(Float32Array.from(down)),
          n,
          kept.filter((other) => other !== neuron),
          ridge,
        ),
      );
      expect(costs.indexOf(Math.min(...costs)), `of ${left}`).toBe(left - 1);
    }
  });

  it('gives the rows that make up best for those that are gone, at every width that is asked for', async () => {
    const [n, d, rows] = [6, 2, 60];
    const x = normals(rows * n, 8);
    for (let row = 0; row < x.length; row += n) x[row + 3] = (x[row] ?? 0) + 0.2 * (x[row + 3] ?? 0);
    const gram = gramOf(x, n);
    const down = Float32Array.from(normals(n * d, 9));
    const { order, downs } = await eliminate(gram.slice(), down, n, [1, 4, 6]);
    expect([...downs.keys()].sort()).toEqual([1, 4, 6]);
    expect([...(downs.get(6) ?? [])]).toEqual([...down]);
    for (const width of [1, 4]) {
      const made = downs.get(width) ?? new Float32Array(0);
      const kept = order.slice(0, width);
      for (const gone of order.slice(width))
        expect([...made.subarray(gone * d, (gone + 1) * d)]).toEqual([0, 0]);
      // The best rows in the ridge's sense: H_kk X = H_k,all · down, which is their own beside those of the others.
      let trace = 0;
      for (let i = 0; i < n; i++) trace += gram[i * n + i] ?? 0;
      const at = (i: number, j: number): number =>
        (gram[i * n + j] ?? 0) + (i === j ? (0.01 * trace) / n : 0);
      const block = Float64Array.from(kept.flatMap((i) => kept.map((j) => at(i, j))));
      const wanted = new Float64Array(width * d);
      for (const [k, i] of kept.entries())
        for (let c = 0; c < d; c++)
          for (let j = 0; j < n; j++)
            wanted[k * d + c] = (wanted[k * d + c] ?? 0) + at(i, j) * (down[j * d + c] ?? 0);
      const best = await solveRidge(block, wanted, width, 0);
      for (const [k, i] of kept.entries())
        for (let c = 0; c < d; c++) expect(made[i * d + c]).toBeCloseTo(best[k * d + c] ?? NaN, 5);
    }
  });

  it('is taken from the hidden values of each layer', async () => {
    const model = tinyFamily('SmolLM2');
    const weights = TrainingWeights.write(model, null, join(folder, 'scores'));
    const windows = Array.from({ length: 4 }, (_, w) =>
      plainWindow(
        Array.from({ length: 16 }, (_, i) => (w * 31 + i * 7) % model.config.vocabSize),
        16,
      ),
    );
    const fractions: number[] = [];
    const onFraction = (fraction: number): unknown => fractions.push(fraction);
    const scores = await eliminationScores(weights, windows, windows.slice(0, 2), onFraction);
    const { layers, ffnSize } = model.config;
    expect(scores.length).toBe(layers);
    for (const { neurons, cuts } of scores) {
      expect([...neurons].sort((a, b) => a - b)).toEqual(Array.from({ length: ffnSize }, (_, i) => i + 1));
      expect(cuts.mlp.map((cut) => cut.neurons)).toEqual([
        Math.round(ffnSize / 3),
        Math.round((2 * ffnSize) / 3),
      ]);
      const [third, twoThirds] = cuts.mlp.map((cut) => cut.loss);
      expect(third).toBeGreaterThan(twoThirds ?? NaN);
      for (const loss of [cuts.attention, twoThirds]) expect(loss).toBeGreaterThan(0);
    }
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
  });
});

describe('sums over the text', () => {
  it('give the change that leaves least missing, means apart, for one level', async () => {
    const [n, d, rows] = [4, 2, 30];
    const hidden = normals(rows * n, 1);
    const truth = normals(n * d, 2);
    const missing = new Float64Array(rows * d);
    for (let row = 0; row < rows; row++)
      for (let c = 0; c < d; c++) {
        missing[row * d + c] = 3 + c;
        for (let i = 0; i < n; i++)
          missing[row * d + c] =
            (missing[row * d + c] ?? 0) + (hidden[row * n + i] ?? 0) * (truth[i * d + c] ?? 0);
      }
    const cross = new Float32Array(n * d);
    const hiddenSum = new Float32Array(n);
    const missingSum = new Float32Array(d);
    for (let row = 0; row < rows; row++)
      for (let i = 0; i < n; i++) {
        hiddenSum[i] = (hiddenSum[i] ?? 0) + (hidden[row * n + i] ?? 0);
        for (let c = 0; c < d; c++)
          cross[i * d + c] =
            (cross[i * d + c] ?? 0) + (hidden[row * n + i] ?? 0) * (missing[row * d + c] ?? 0);
      }
    for (let row = 0; row < rows; row++)
      for (let c = 0; c < d; c++) missingSum[c] = (missingSum[c] ?? 0) + (missing[row * d + c] ?? 0);
    const sums = new MlpSums(n, d);
    const gram = Float32Array.from(gramOf(hidden, n));
    sums.add({ gram, cross, hiddenSum, missingSum }, new Float32Array(rows).fill(1));
    const change = await MlpSums.solve([{ part: sums, weight: 1 }], n + 2, d, 1e-9);
    expect(change.length).toBe((n + 2) * d);
    for (const [i, value] of truth.entries()) expect(change[i]).toBeCloseTo(value, 3);
    expect([...change.slice(n * d)]).toEqual([0, 0, 0, 0]);
    for (const [c, value] of sums.bias(change).entries()) expect(value).toBeCloseTo(3 + c, 3);
  });
});
