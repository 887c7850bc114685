import { Tensor } from 'onnxruntime-node';
import { LEVELS } from '../../../core/level.ts';
import { PROMPT_LEVELS } from '../../../core/prompt-level.ts';
import { emitDecision } from '../tlm-forward.ts';
import { decisionTask, type DecisionExample, type TlmTask } from '../tlm-task.ts';

const INPUT = { prompt: 'prompt_labels', level: 'level_labels', weights: 'weights' } as const;

/**
 * Cross entropy of both outputs (paper §4.1: CE(prompt) + CE(model)) with soft labels: an example's `rewards` are the
 * shares that its strategies have of the label; each output learns its marginal. Unlike expected reward it does not
 * settle on the strategy that is feasible under every SLO before it has seen what else is.
 */
export function labelTask(examples: number): TlmTask<DecisionExample> {
  const base = decisionTask(examples, 0);
  const [prompts, levels] = [PROMPT_LEVELS.length, LEVELS.length];
  return {
    ...base,
    name: 'decision-labels',
    emitLoss: (graph, writer, config, trunk) => {
      const said = emitDecision(writer, config, trunk);
      const weights = graph.input(INPUT.weights, 'float32', [examples, 1]);
      const [prompt, level] = (
        [
          [said.prompt, INPUT.prompt, prompts],
          [said.level, INPUT.level, levels],
        ] as const
      ).map(([logits, name, classes]) => {
        const labels = graph.input(name, 'float32', [examples, classes]);
        const surprise = graph.op('LogSoftmax', [logits], { axis: -1 });
        return graph.op('ReduceSum', [graph.op('Mul', [labels, surprise]), graph.ints(1)], { keepdims: 1 });
      });
      const both = graph.op('Mul', [graph.op('Add', [prompt ?? '', level ?? '']), weights]);
      return graph.op('Neg', [graph.op('ReduceSum', [both, graph.ints(0, 1)], { keepdims: 0 })]);
    },
    feeds: (batch, shape) => {
      const { rewards: _joint, ...feeds } = base.feeds(batch, shape);
      const prompt = new Float32Array(examples * prompts);
      const level = new Float32Array(examples * levels);
      for (const [e, { rewards }] of batch.entries()) {
        const mass = rewards.reduce((sum, share) => sum + share, 0) || 1;
        for (const [i, share] of rewards.entries()) {
          const [row, column] = [e * prompts + Math.floor(i / levels), e * levels + (i % levels)];
          prompt[row] = (prompt[row] as number) + share / mass;
          level[column] = (level[column] as number) + share / mass;
        }
      }
      return {
        ...feeds,
        [INPUT.prompt]: new Tensor('float32', prompt, [examples, prompts]),
        [INPUT.level]: new Tensor('float32', level, [examples, levels]),
      };
    },
  };
}
