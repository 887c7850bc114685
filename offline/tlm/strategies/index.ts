/** What labels and evaluation share: outcomes of strategies on requests with known answers. */
export { choiceValues, judgeValues, SHARPNESS, type Outcome } from './choice-values.ts';
export { labelOutcomes } from './label-outcomes.ts';
export { levelsIdentity, OutcomeStore, type OutcomeInput } from './outcome-store.ts';
export { OutcomeRunner, type LevelSources } from './outcomes.ts';
export {
  additive,
  interpolated,
  LABEL_GRID,
  meanTable,
  shrunkTowards,
  strategiesOf,
  tableOf,
  type StrategyGrid,
  type StrategyTable,
} from './strategy-table.ts';
