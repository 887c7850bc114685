import type { BatchTargets } from '../training/level-trainer.ts';
import { sampleVocabulary, type SampledVocabulary } from '../training/sampled-vocabulary.ts';
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

/** How a part of the vocabulary is drawn for a batch's loss. */
export interface VocabularySampling {
  /** Tokens of the part. */
  readonly size: number;
  readonly vocabSize: number;
  readonly random: () => number;
}

/** Of a task answer's loss under `mixed`, what the text decides; the rest is the teacher's. */
const ANSWER_SHARE = 0.7;

/**
 * Targets of a batch; weights sum up to 1 with the teacher's rest.
 *
 * @param teacher per window; null for `next-token`
 * @param candidates K; 0 for `next-token`
 * @param sampling null = the loss is taken over the whole vocabulary
 */
export function batchTargets(
  windows: readonly LabelledWindow[],
  teacher: readonly TeacherWindow[] | null,
  candidates: number,
  objective: Objective,
  sampling: VocabularySampling | null = null,
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
  if (sampling === null) return { targets, weights, restWeights, vocabulary: null };
  const vocabulary = drawVocabulary({ targets, weights, restWeights }, columns, sampling);
  return { targets, weights, restWeights, vocabulary };
}

/** Of a drawn vocabulary, what targets may take at most; the rest stands for all other tokens. */
const NAMED_SHARE = 0.75;

/**
 * Draws the vocabulary and turns the targets into places in it. Where they name too many tokens, the teacher's least
 * likely ones go to what it says of all others together.
 */
function drawVocabulary(
  { targets, weights, restWeights }: Pick<BatchTargets, 'targets' | 'weights' | 'restWeights'>,
  columns: number,
  { size, vocabSize, random }: VocabularySampling,
): SampledVocabulary {
  const named = new Map<number, number>();
  for (const [i, target] of targets.entries()) {
    // The text's own tokens come last in their row and always stay.
    const weight = i % columns === columns - 1 ? Infinity : (weights[i] as number);
    named.set(Number(target), Math.max(named.get(Number(target)) ?? 0, weight));
  }
  const kept = [...named].sort(([, a], [, b]) => b - a).slice(0, Math.floor(NAMED_SHARE * size));
  const vocabulary = sampleVocabulary(
    kept.map(([token]) => token),
    size,
    vocabSize,
    random,
  );
  for (const [i, target] of targets.entries()) {
    const place = vocabulary.placeOf.get(Number(target));
    targets[i] = BigInt(place ?? 0);
    if (place !== undefined) continue;
    const row = Math.floor(i / columns);
    restWeights[row] = (restWeights[row] as number) + (weights[i] as number);
    weights[i] = 0;
  }
  return vocabulary;
}

function labelShare(objective: Objective, lossWeight: number): number {
  if (objective === 'next-token') return 1;
  return objective === 'mixed' && lossWeight > 1 ? ANSWER_SHARE : 0;
}
