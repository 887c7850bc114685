/** What the other rooms' commands and tests use of the offline stage. */
export { elasticize, type ElasticizeOptions } from './elasticize.ts';
export type { OnProgress, Progress } from './progress.ts';
export {
  DEFAULT_SHARED_RANK,
  DEFAULT_STEPS,
  FROZEN_ADAPTER,
  SHARED_ADAPTER,
} from './pipeline/run-pipeline.ts';
export { RECOVERY_METHODS, type RecoveryMethod } from './pipeline/stages.ts';
export { cardStage, DEFAULT_EXTENT, heldOutSet } from './pipeline/card-stage.ts';
export { measureComparisons } from './pipeline/comparisons.ts';
export type { CardStage } from './bundle/build-variants.ts';
export { removeLeftovers } from './bundle/leftovers.ts';
export {
  chooseDevice,
  DEVICE_CHOICES,
  type ComputeDevice,
  type DeviceChoice,
} from './graph/compute-device.ts';
export { DEFAULT_CRITERION, IMPORTANCE_CRITERIA, type ImportanceCriterion } from './importance/criteria.ts';
export { ATTENTION_UNITS, type AttentionUnit } from './levels/attention-cells.ts';
export { LEVEL_POLICIES, type LevelPolicy, type LevelShapeOptions } from './levels/plan-by-policy.ts';
export { recipeFits } from './recipe/fits-model.ts';
export type { LoadedRecipe } from './recipe/loaded-recipe.ts';
export type { LearnedTlm } from './recipe/loaded-recipe.ts';
export { readRecipe } from './recipe/read-recipe.ts';
export { withTlm, type WithTlmOptions } from './recipe/with-tlm.ts';
export { verifyRecipe, type RecipeVerdict } from './recipe/verify-recipe.ts';
export { openSourceModel } from './sources/open-source-model.ts';
export { openGguf, type GgufModel } from './sources/gguf-model.ts';
export type { SourceModel } from './sources/source-model.ts';
export { tinySourceModel, TINY_CONFIG, type TinyOptions } from './sources/tiny-model.ts';
export { fetchHubModel, isHubId } from './sources/hub-model.ts';
export { writeGguf } from './sources/gguf-writer.ts';
export type { WritableGgmlType } from './sources/gguf-blocks.ts';
export { EmbeddingRows } from './tlm/embedding-rows.ts';
export { decodeTlm, encodeTlm, initialTlmParameters } from './tlm/tlm-parameters.ts';
export {
  decisionTask,
  scoreTask,
  type DecisionExample,
  type ScoreExample,
  type TlmExample,
} from './tlm/tlm-task.ts';
export { TINY_TLM_CONFIG, tinyTlm } from './tlm/tiny-tlm.ts';
export { TlmRunner, type TlmOutputs } from './tlm/tlm-runner.ts';
export { TlmTrainer, type TlmTrainerOptions } from './tlm/tlm-trainer.ts';
export { meanLoss, packBatches, tlmBatches, trainTlm, type TrainedTlm } from './tlm/train-tlm.ts';
