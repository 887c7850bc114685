import { Tensor } from 'onnxruntime-node';
import { LEVELS } from '../../core/level.ts';
import { PROMPT_LEVELS } from '../../core/prompt-level.ts';
import { SLO_TOKENS, type TlmConfig, type TlmInputs } from '../../core/tlm.ts';
import type { StaticGraph } from '../differentiate/static-graph.ts';
import type { TlmGraphWriter } from './forward-graph.ts';
import { emitDecision, emitScores, type TlmStream } from './tlm-forward.ts';

/** A prompt to train on. */
export interface TlmExample {
  readonly inputs: TlmInputs;
}

export interface ScoreExample extends TlmExample {
  /** Per prompt token, 0..1: 1 = worth keeping. */
  readonly targets: Float32Array;
  /** Per prompt token; 0 = not counted. */
  readonly weights: Float32Array;
}

export interface DecisionExample extends TlmExample {
  /** [PROMPT_LEVELS.length, LEVELS.length]: what each strategy is worth under the example's SLO; 0 = infeasible. */
  readonly rewards: Float32Array;
}

/** Size of what one run of a training graph takes. */
export interface TlmBatchShape {
  readonly rows: number;
  /** Prompt positions of a row. */
  readonly width: number;
}

/** What one head is trained for. */
export interface TlmTask<Example extends TlmExample> {
  readonly name: string;
  /** First parts of the names of the parameters that it changes. */
  readonly trained: readonly string[];
  /** Most examples of a batch. */
  readonly examples: number;
  /** Value [examples, 2 d] of what the decision head reads. */
  readonly emitPool: (graph: StaticGraph, x: string) => string;
  /** Scalar loss. */
  readonly emitLoss: (
    graph: StaticGraph,
    writer: TlmGraphWriter,
    config: TlmConfig,
    trunk: TlmStream,
    shape: TlmBatchShape,
  ) => string;
  readonly feeds: (examples: readonly Example[], shape: TlmBatchShape) => Record<string, Tensor>;
}

const INPUT = { targets: 'targets', weights: 'weights', pool: 'pool', rewards: 'rewards' } as const;

/** Sum over all axes of a value. */
function total(graph: StaticGraph, value: string): string {
  const axes = graph.dims(value).map((_, axis) => axis);
  return graph.op('ReduceSum', [value, graph.ints(...axes)], { keepdims: 0 });
}

/** Weighted binary cross entropy of the scores against soft targets, the mean over the batch's weights. */
export function scoreTask(examples = Number.MAX_SAFE_INTEGER): TlmTask<ScoreExample> {
  return {
    name: 'score',
    trained: ['project', 'roles', 'shared', 'score'],
    examples,
    emitPool: () => {
      throw new Error('the score head pools nothing');
    },
    emitLoss: (graph, writer, config, trunk, { rows, width }) => {
      const scores = emitScores(writer, config, trunk);
      const targets = graph.input(INPUT.targets, 'float32', [rows, width]);
      const weights = graph.input(INPUT.weights, 'float32', [rows, width]);
      // log(1 + e^s) - t s, without overflow.
      const tail = graph.op('Exp', [graph.op('Neg', [graph.op('Abs', [scores])])]);
      const softplus = graph.op('Add', [
        graph.op('Relu', [scores]),
        graph.op('Log', [graph.op('Add', [tail, graph.scalar(1)])]),
      ]);
      const each = graph.op('Sub', [softplus, graph.op('Mul', [targets, scores])]);
      return total(graph, graph.op('Mul', [each, weights]));
    },
    feeds: (batch, { rows, width }) => {
      const targets = new Float32Array(rows * width);
      const weights = new Float32Array(rows * width);
      const sum = batch.reduce((all, example) => all + example.weights.reduce((a, b) => a + b, 0), 0);
      let row = 0;
      for (const { inputs, targets: wanted, weights: given } of batch) {
        for (const [i, target] of wanted.entries()) {
          const at = (row + Math.floor(i / inputs.width)) * width + (i % inputs.width);
          targets[at] = target;
          weights[at] = (given[i] ?? 0) / Math.max(sum, 1e-9);
        }
        row += inputs.rows;
      }
      return {
        [INPUT.targets]: new Tensor('float32', targets, [rows, width]),
        [INPUT.weights]: new Tensor('float32', weights, [rows, width]),
      };
    },
  };
}

/**
 * The expected reward of a strategy drawn from both outputs, negative, and less `entropyBonus` times their entropies
 * (nats); the mean over the batch's examples. The layers shared with the score head stay as they are (paper §4.3).
 *
 * @param examples most examples of a batch
 */
export function decisionTask(examples: number, entropyBonus: number): TlmTask<DecisionExample> {
  const [prompts, levels] = [PROMPT_LEVELS.length, LEVELS.length];
  return {
    name: 'decision',
    trained: ['decision'],
    examples,
    emitPool: (graph, x) => {
      const [rows = 0, length = 0, d = 0] = graph.dims(x);
      const pool = graph.input(INPUT.pool, 'float32', [SLO_TOKENS * examples, rows * length]);
      const means = graph.op('MatMul', [pool, graph.op('Reshape', [x, graph.ints(rows * length, d)])]);
      return graph.op('Reshape', [means, graph.ints(examples, 2 * d)]);
    },
    emitLoss: (graph, writer, config, trunk) => {
      const { prompt, level } = emitDecision(writer, config, trunk);
      const rewards = graph.input(INPUT.rewards, 'float32', [examples, prompts, levels]);
      const weights = graph.input(INPUT.weights, 'float32', [examples, 1]);
      const promptShares = graph.op('Softmax', [prompt], { axis: -1 });
      const levelShares = graph.op('Softmax', [level], { axis: -1 });
      const column = graph.op('Reshape', [levelShares, graph.ints(examples, levels, 1)]);
      const perPrompt = graph.op('Reshape', [
        graph.op('MatMul', [rewards, column]),
        graph.ints(examples, prompts),
      ]);
      const rowSum = (value: string): string =>
        graph.op('ReduceSum', [value, graph.ints(1)], { keepdims: 1 });
      let gain = rowSum(graph.op('Mul', [promptShares, perPrompt]));
      if (entropyBonus > 0)
        for (const [logits, shares] of [
          [prompt, promptShares],
          [level, levelShares],
        ] as const) {
          const surprise = graph.op('LogSoftmax', [logits], { axis: -1 });
          const entropy = rowSum(graph.op('Mul', [shares, surprise]));
          gain = graph.op('Sub', [gain, graph.op('Mul', [entropy, graph.scalar(entropyBonus)])]);
        }
      return graph.op('Neg', [total(graph, graph.op('Mul', [gain, weights]))]);
    },
    feeds: (batch, { rows, width }) => {
      const length = width + SLO_TOKENS;
      const pool = new Float32Array(SLO_TOKENS * examples * rows * length);
      const rewards = new Float32Array(examples * prompts * levels);
      const weights = new Float32Array(examples);
      let row = 0;
      for (const [e, { inputs, rewards: table }] of batch.entries()) {
        rewards.set(table, e * prompts * levels);
        weights[e] = 1 / batch.length;
        poolExample(pool.subarray(2 * e * rows * length, 2 * (e + 1) * rows * length), inputs, row, length);
        row += inputs.rows;
      }
      return {
        [INPUT.pool]: new Tensor('float32', pool, [SLO_TOKENS * examples, rows * length]),
        [INPUT.rewards]: new Tensor('float32', rewards, [examples, prompts, levels]),
        [INPUT.weights]: new Tensor('float32', weights, [examples, 1]),
      };
    },
  };
}

/** Weights of an example's two means over all positions of the batch. */
function poolExample(pool: Float32Array, inputs: TlmInputs, firstRow: number, length: number): void {
  const overSlo = pool.length / 2;
  const prompt = inputs.roles.reduce((sum, role) => sum + (role === 0n ? 0 : 1), 0);
  for (let row = 0; row < inputs.rows; row++) {
    const from = (firstRow + row) * length;
    pool.fill(1 / (SLO_TOKENS * inputs.rows), overSlo + from, overSlo + from + SLO_TOKENS);
    for (let i = 0; i < inputs.width; i++)
      if (inputs.roles[row * inputs.width + i] !== 0n) pool[from + SLO_TOKENS + i] = 1 / prompt;
  }
}
