import type { AnsweredPrompt } from '../requests/answered-prompt.ts';
import type { Trial } from './left-out-runs.ts';
import { FEATURES, tokenFeatures } from './token-features.ts';

/** What a token with certain features is worth: gain in nats of a prompt made of such tokens only, per feature. */
export type WorthWeights = readonly number[];

/** Penalty on weights, in units of a feature's own square sum over the trials. */
export const RIDGE = 0.1;

interface Row {
  /** Mean features of the kept tokens, less those of the other trials of the kind. */
  readonly features: number[];
  /** Loss less that of the other trials, negative. */
  readonly gain: number;
}

function centred(rows: readonly Row[]): Row[] {
  const n = rows.length;
  const mean = (of: (row: Row) => number): number => rows.reduce((sum, row) => sum + of(row), 0) / n;
  const gain = mean((row) => row.gain);
  const means = FEATURES.map((_, f) => mean(({ features }) => features[f] ?? 0));
  return rows.map((row) => ({
    features: row.features.map((value, f) => value - (means[f] ?? 0)),
    gain: row.gain - gain,
  }));
}

/** Trials of a prompt as rows of the regression: only differences within a prompt count. */
export function trialRows(
  prompt: Pick<AnsweredPrompt, 'prompt' | 'pieces'>,
  trials: readonly Trial[],
): Row[] {
  const { indices, values } = tokenFeatures(prompt);
  const rowOf = new Map(indices.map((index, row) => [index, row]));
  const rows = trials
    .filter(({ loss }) => Number.isFinite(loss))
    .map(({ kept, loss }) => {
      const inside = kept.flatMap((index) => rowOf.get(index) ?? []);
      const features = FEATURES.map((_, f) => {
        const sum = inside.reduce((total, row) => total + (values[row]?.[f] ?? 0), 0);
        return sum / Math.max(1, inside.length);
      });
      return { features, gain: -loss };
    });
  return rows.length < 2 ? [] : centred(rows);
}

/** Solves a symmetric positive system by Gauss-Jordan elimination. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, i) => [...row, right[i] ?? 0]);
  for (const [i, pivot] of rows.entries()) {
    const scale = pivot[i] ?? 0;
    for (let k = i; k < pivot.length; k++) pivot[k] = (pivot[k] ?? 0) / scale;
    for (const [j, row] of rows.entries()) {
      const factor = row[i] ?? 0;
      if (j === i || factor === 0) continue;
      for (let k = i; k < row.length; k++) row[k] = (row[k] ?? 0) - factor * (pivot[k] ?? 0);
    }
  }
  return rows.map((row) => row.at(-1) ?? 0);
}

/** Ridge regression of what trials gained on the mean features of what they kept. */
export function fitWorth(rows: readonly Row[], ridge = RIDGE): WorthWeights {
  const product = (f: number, g: number): number =>
    rows.reduce((sum, { features }) => sum + (features[f] ?? 0) * (features[g] ?? 0), 0);
  const matrix = FEATURES.map((_, f) =>
    FEATURES.map((__, g) => product(f, g) + (f === g ? ridge * product(f, f) + 1e-6 : 0)),
  );
  const right = FEATURES.map((_, f) =>
    rows.reduce((sum, { features, gain }) => sum + (features[f] ?? 0) * gain, 0),
  );
  return solve(matrix, right);
}
