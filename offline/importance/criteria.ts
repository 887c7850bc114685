/**
 * What a unit's score is made from. L is the next-token loss of one calibration window; a unit's weights are its
 * rows of the coupled matrices (a neuron's of gate, up and down; a KV group's of q, k, v and o).
 *
 * - `taylor-elimination`: `taylor` says what a layer's units are worth together; its neurons are ordered by leaving them out
 *   one after the other, the others making up for each as well as they can; its KV groups as of `taylor-activation`.
 * - `taylor-activation`: `taylor` says what a layer's units are worth together; inside of a layer they are ordered by the
 *   geometric mean of `taylor` and `activation`.
 * - `taylor`: |dL/dm| of a factor m = 1 on the unit's output, summed over windows: how much the loss would change
 *   without the unit, to first order.
 * - `fisher`: the root of the mean of its squares.
 * - `taylor-weights`: |W * dL/dW| summed over the unit's weights and over windows (paper §3.2 as LLM-Pruner does it).
 * - `activation`: RMS of the unit's output times the norm of its output weights; no gradients.
 * - `magnitude`: norm of the unit's weights; a baseline that ruins models.
 */
export const IMPORTANCE_CRITERIA = [
  'taylor-elimination',
  'taylor-activation',
  'taylor',
  'fisher',
  'taylor-weights',
  'activation',
  'magnitude',
] as const;
export type ImportanceCriterion = (typeof IMPORTANCE_CRITERIA)[number];

/** docs/decisions/0058-neurons-by-elimination.md */
export const DEFAULT_CRITERION: ImportanceCriterion = 'taylor-elimination';

/** Criteria that need a backward pass. */
export type GradientCriterion = Exclude<ImportanceCriterion, 'activation' | 'magnitude'>;

export function isGradientCriterion(criterion: ImportanceCriterion): criterion is GradientCriterion {
  return criterion !== 'activation' && criterion !== 'magnitude';
}

/** How scores were made, for the manifest. */
export const CRITERION_METHODS: Readonly<Record<ImportanceCriterion, string>> = {
  'taylor-elimination':
    'neurons by elimination with least-squares compensation, KV groups by |dL/d mask| x activation size, layers by |dL/d mask|, domains normalised and mixed',
  'taylor-activation':
    'units by |dL/d mask| x activation size, layers by |dL/d mask|, domains normalised and mixed',
  taylor: 'units by |dL/d mask| per window, domains normalised and mixed',
  fisher: 'units by the root mean square of dL/d mask over windows, domains normalised and mixed',
  'taylor-weights': 'units by the sum of |W * dL/dW| per window, domains normalised and mixed',
  activation: 'forward only: units by RMS activation x output norm',
  magnitude: 'units by the norm of their weights',
};
