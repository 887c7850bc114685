import type { StaticGraph } from '../differentiate/static-graph.ts';

/** Inputs of the losses; N = batch * tokens, K = teacher candidates. */
export const LOSS_INPUT = {
  /** int64 [N, K + 1]: the teacher's K likeliest tokens, then the text's next token. */
  targets: 'targets',
  /** float32 [N, K + 1]: share of the loss of each; all 0 where a position does not count. */
  targetWeights: 'target_weights',
  /** float32 [N, 1]: the teacher's probability outside of its K likeliest tokens, weighted alike. */
  restWeights: 'rest_weights',
  /** int64 [S]: the tokens that the loss is taken over, where it is not the whole vocabulary. */
  vocabulary: 'vocabulary',
  /** float32 [S], added to their logits: the log of how many tokens each stands for. */
  vocabularyBias: 'vocabulary_bias',
} as const;

/** Keeps log(1 - p) finite where the model puts all mass on the teacher's candidates. */
const REST_FLOOR = 1e-6;

/**
 * Cross entropy against soft targets, summed over positions: next-token loss where only the last column has
 * weight, distillation where the others have the teacher's probabilities. What the teacher puts outside of its K
 * likeliest tokens counts as one class, so the model is not pushed to be surer than its teacher. Weights are
 * expected to sum up to 1 over all positions.
 *
 * @param hidden [N, hidden]
 * @param head value of the head's rows, [vocabulary, hidden]
 * @param candidates K; 0 = next-token loss only
 * @param sampledTokens S: takes the loss over {@link LOSS_INPUT.vocabulary}, in which targets are then places (see
 *   `SampledVocabulary`); null = over the whole vocabulary
 * @returns scalar loss
 */
export function emitLoss(
  graph: StaticGraph,
  hidden: string,
  head: string,
  candidates: number,
  sampledTokens: number | null = null,
): string {
  const [rows = 0] = graph.dims(hidden);
  const logits = emitLogits(graph, hidden, head, sampledTokens);
  const logProbabilities = graph.op('LogSoftmax', [logits], { axis: -1 });
  const columns = candidates + 1;
  const targets = graph.input(LOSS_INPUT.targets, 'int64', [rows, columns]);
  const weights = graph.input(LOSS_INPUT.targetWeights, 'float32', [rows, columns]);
  const picked = graph.op('GatherElements', [logProbabilities, targets], { axis: 1 });
  const likely = graph.op('ReduceSum', [graph.op('Mul', [picked, weights]), graph.ints(0, 1)], {
    keepdims: 0,
  });
  if (candidates === 0) return graph.op('Neg', [likely]);
  const restWeights = graph.input(LOSS_INPUT.restWeights, 'float32', [rows, 1]);
  const teacherPart = graph.op('Slice', [picked, graph.ints(0), graph.ints(candidates), graph.ints(1)]);
  const covered = graph.op('ReduceSum', [graph.op('Exp', [teacherPart]), graph.ints(1)], { keepdims: 1 });
  const rest = graph.op('Relu', [graph.op('Sub', [graph.floats(1), covered])]);
  const restLog = graph.op('Log', [graph.op('Add', [rest, graph.floats(REST_FLOOR)])]);
  const other = graph.op('ReduceSum', [graph.op('Mul', [restLog, restWeights]), graph.ints(0, 1)], {
    keepdims: 0,
  });
  return graph.op('Neg', [graph.op('Add', [likely, other])]);
}

function emitLogits(graph: StaticGraph, hidden: string, head: string, sampledTokens: number | null): string {
  if (sampledTokens === null) return graph.op('FusedMatMul', [hidden, head], { transB: 1 });
  const tokens = graph.input(LOSS_INPUT.vocabulary, 'int64', [sampledTokens]);
  const bias = graph.input(LOSS_INPUT.vocabularyBias, 'float32', [sampledTokens]);
  const rows = graph.op('Gather', [head, tokens], { axis: 0 });
  return graph.op('Add', [graph.op('FusedMatMul', [hidden, rows], { transB: 1 }), bias]);
}
