/** What commands and other stages use of evaluation. */
export { readBundleCard, type BundleCard } from './bundle-card.ts';
export { openLevels, readBundleManifest, type LevelsManifest, type OpenLevels } from './bundle-levels.ts';
export {
  CONVENTIONS,
  evaluateLevels,
  type EvaluatedLevel,
  type EvaluateLevelsOptions,
  type LevelsEvaluation,
} from './evaluate-levels.ts';
export {
  DEFAULT_LIMITS,
  readEvaluationSet,
  type EvaluationFiles,
  type EvaluationLimits,
} from './evaluation-files.ts';
export type { EvaluationSet } from './evaluation-set.ts';
export type { LogitsSource } from './logits-source.ts';
export { measureFigures } from './measure-figures.ts';
export { openModelText, type ModelText } from './model-text.ts';
export {
  measureComparison,
  measureQualityCard,
  withComparisons,
  type ComparedModel,
  type QualityCardOptions,
} from './quality-card.ts';
export { runtimeDescription } from './runtime-description.ts';
