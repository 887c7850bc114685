import type { BatchTargets } from '../training/adapter-trainer.ts';
import type { TeacherWindow } from './teacher-cache.ts';

/**
 * How a level learns: `distill` from the full model's predictions, `next-token` from the text, `mixed` from the
 * full model everywhere but on the answers of task items, which the text decides (the full model does not know
 * them).
 */
export type Objective = 'distill' | 'next-token' | 'mixed';

/** A training window's text and what counts of it. */
export interface LabelledWindow {
  readonly ids: Int32Array;
  readonly documents: Int32Array;
  /** [T]: weight of predicting ids[i + 1] at i; more than 1 marks the answer of a task item. */
  readonly lossWeights: Float32Array;
}

/** Of a task answer's loss under `mixed`, what the text decides; the rest is the teacher's. */
const ANSWER_SHARE = 0.7;

/**
 * Targets of a batch; weights sum up to 1 with the teacher's rest.
 *
 * @param teacher per window; null for `next-token`
 * @param candidates K; 0 for `next-token`
 */
export function batchTargets(
  windows: readonly LabelledWindow[],
  teacher: readonly TeacherWindow[] | null,
  candidates: number,
  objective: Objective,
): BatchTargets {
  const tokens = windows[0]?.ids.length ?? 0;
  const columns = candidates + 1;
  const targets = new BigInt64Array(windows.length * tokens * columns);
  const weights = new Float32Array(targets.length);
  const restWeights = new Float32Array(windows.length * tokens);
  let whole = 0;
  for (const { lossWeights } of windows) for (const weight of lossWeights) whole += weight;
  for (const [w, window] of windows.entries())
    for (let i = 0; i < tokens; i++) {
      const row = w * tokens + i;
      const position = (window.lossWeights[i] as number) / Math.max(whole, 1e-9);
      const label = labelShare(objective, window.lossWeights[i] as number);
      const next = i + 1 < tokens ? (window.ids[i + 1] as number) : 0;
      targets[row * columns + candidates] = BigInt(next);
      weights[row * columns + candidates] = position * label;
      const said = teacher?.[w];
      if (said === undefined || candidates === 0) continue;
      let covered = 0;
      for (let k = 0; k < candidates; k++) {
        const probability = said.probabilities[i * candidates + k] as number;
        covered += probability;
        targets[row * columns + k] = BigInt(said.tokens[i * candidates + k] as number);
        weights[row * columns + k] = position * (1 - label) * probability;
      }
      restWeights[row] = position * (1 - label) * Math.max(0, 1 - covered);
    }
  return { targets, weights, restWeights };
}

function labelShare(objective: Objective, lossWeight: number): number {
  if (objective === 'next-token') return 1;
  return objective === 'mixed' && lossWeight > 1 ? ANSWER_SHARE : 0;
}
