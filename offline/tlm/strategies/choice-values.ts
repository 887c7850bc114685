import { openPrefix, type LogitsSource } from '../../evaluation/logits-source.ts';
import { tokenLogProbability } from '../../evaluation/logit-rows.ts';

type Tokens = readonly number[];

function beginsWith(whole: Tokens, start: Tokens): boolean {
  return start.length <= whole.length && start.every((token, i) => token === whole[i]);
}

/** Continuations to run, so that every choice's rows are in one of them: each without its last token. */
function runsOf(choices: readonly Tokens[]): Tokens[] {
  const runs: Tokens[] = [];
  const longestFirst = choices.map((choice) => choice.slice(0, -1)).sort((a, b) => b.length - a.length);
  for (const run of longestFirst)
    if (run.length > 0 && !runs.some((longer) => beginsWith(longer, run))) runs.push(run);
  return runs;
}

/**
 * Mean log-probability per token of each choice after a prompt, nats (paper §5.1: the largest is the answer). The
 * prompt is run once, and beginnings that choices share are run once.
 */
export async function choiceValues(
  source: LogitsSource,
  prompt: Tokens,
  choices: readonly Tokens[],
): Promise<number[]> {
  const { vocabSize } = source;
  const prefix = await openPrefix(source, prompt, Math.max(...choices.map(({ length }) => length)));
  const sums = choices.map((choice) => tokenLogProbability(prefix.last, vocabSize, 0, choice[0] ?? 0));
  const done = new Set<number>();
  for (const run of runsOf(choices)) {
    const rows = await prefix.continueWith(run);
    for (const [index, choice] of choices.entries()) {
      if (choice.length < 2 || done.has(index) || !beginsWith(run, choice.slice(0, -1))) continue;
      done.add(index);
      for (let i = 1; i < choice.length; i++)
        sums[index] =
          (sums[index] as number) + tokenLogProbability(rows, vocabSize, i - 1, choice[i] as number);
    }
  }
  return sums.map((sum, index) => sum / Math.max(1, choices[index]?.length ?? 1));
}

/** What came of a strategy: whether the right choice had the largest value, and the probability it was given. */
export interface Outcome {
  readonly right: boolean;
  /** Softmax over the choices of value x sharpness, 0..1. */
  readonly probability: number;
  /** Of the right choice, nats per token. */
  readonly logProbability: number;
}

/** Turns mean log-probabilities per token into probabilities: what a choice of about four tokens has in sum. */
export const SHARPNESS = 4;

export function judgeValues(values: readonly number[], gold: number, sharpness: number = SHARPNESS): Outcome {
  const best = values.reduce((at, value, i) => (value > (values[at] as number) ? i : at), 0);
  const top = values[best] ?? 0;
  const weights = values.map((value) => Math.exp((value - top) * sharpness));
  const mass = weights.reduce((sum, weight) => sum + weight, 0);
  return {
    right: best === gold,
    probability: (weights[gold] ?? 0) / mass,
    logProbability: values[gold] ?? Number.NEGATIVE_INFINITY,
  };
}
