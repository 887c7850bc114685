/** What the command `evaluate strategies` and tests use. */
export { inTurn, judgeStrategies } from './evaluate-strategies.ts';
export {
  judgeRequest,
  type JudgedStrategy,
  type Judgement,
  type JudgeMeans,
  type OtherSelector,
  type TlmAdvice,
  type TlmQuestion,
} from './judge-request.ts';
export { otherSelectors } from './other-selectors.ts';
export {
  feasibleStrategies,
  FIXED_POLICIES,
  POLICIES,
  POLICY_MEANING,
  policyStrategy,
  type Policy,
} from './policies.ts';
export {
  gapClosed,
  hindsightValue,
  oracleValue,
  randomValue,
  summarizeStrategies,
  type ContenderFigures,
  type Figures,
  type StrategiesSummary,
} from './summary.ts';
export { measureTlmShare, tlmShareAt, type TlmShare } from './tlm-share.ts';
