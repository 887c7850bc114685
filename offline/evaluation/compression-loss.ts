import { compressPrompt } from '../../core/compress-prompt.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { OnProgress } from '../progress.ts';
import type { StrategyRequest } from '../tlm/requests/strategy-request.ts';
import { tokenLogProbability } from './logit-rows.ts';
import type { LogitsSource } from './logits-source.ts';

/** A way to choose the words that stay; scores by word index. */
export interface WordSelector {
  readonly name: string;
  readonly scores: (request: StrategyRequest) => Promise<ArrayLike<number>>;
}

/** A mean over requests, each counting alike, with its standard error. */
export interface MeanLoss {
  readonly mean: number;
  readonly stderr: number;
}

export interface SelectorLoss extends MeanLoss {
  readonly selector: string;
  /** How much more the right answer costs than with the first selector, request by request; 0 for itself. */
  readonly behindFirst: MeanLoss;
  readonly bySet: Readonly<Record<string, number>>;
}

export interface CompressionLoss {
  readonly promptLevel: number;
  readonly requests: number;
  /** Mean share of the prompts' tokens that stayed. */
  readonly keptShare: number;
  /** With the whole prompt. */
  readonly whole: MeanLoss;
  readonly selectors: readonly SelectorLoss[];
}

/** Loss of the right answer after these tokens, nats per token of the answer. */
export async function answerLoss(
  source: LogitsSource,
  tokens: readonly number[],
  answer: readonly number[],
): Promise<number> {
  const logits = await source.logits([...tokens, ...answer.slice(0, -1)], tokens.length - 1);
  const sum = answer.reduce(
    (total, token, row) => total - tokenLogProbability(logits, source.vocabSize, row, token),
    0,
  );
  return sum / answer.length;
}

function meanOf(values: readonly number[]): MeanLoss {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, stderr: n < 2 ? 0 : Math.sqrt(square / (n - 1) / n) };
}

/**
 * What the model loses on the right answer when prompts are compressed, by who chooses the words.
 *
 * @param selectors the first is what the others are compared with
 * @returns failures `cancelled`, `data-empty`
 */
export async function measureCompression(
  options: {
    readonly source: LogitsSource;
    readonly requests: readonly StrategyRequest[];
    readonly selectors: readonly WordSelector[];
    readonly promptLevel: number;
  },
  onProgress: OnProgress = () => undefined,
  signal?: AbortSignal,
): Promise<Result<CompressionLoss>> {
  const { source, requests, selectors, promptLevel } = options;
  if (requests.length === 0) return fail('data-empty', 'There is no request to measure on.');
  const startedAtMs = performance.now();
  const whole: number[] = [];
  const kept: number[] = [];
  const losses = selectors.map((): number[] => []);
  for (const [done, request] of requests.entries()) {
    const { prompt, choices, gold } = request;
    const answer = choices[gold]?.tokens ?? [];
    whole.push(await answerLoss(source, prompt.tokens, answer));
    for (const [at, selector] of selectors.entries()) {
      if (signal?.aborted === true) return fail('cancelled', 'The evaluation was cancelled.');
      const left = compressPrompt(prompt, await selector.scores(request), promptLevel);
      const tokens = left.map((i) => prompt.tokens[i] as number);
      losses[at]?.push(await answerLoss(source, tokens, answer));
      if (at === 0) kept.push(tokens.length / prompt.tokens.length);
    }
    const fraction = (done + 1) / requests.length;
    const seconds = (performance.now() - startedAtMs) / 1000;
    onProgress({
      stage: `compression of ${request.set}`,
      fraction,
      etaSeconds: (seconds / fraction) * (1 - fraction),
    });
  }
  const sets = [...new Set(requests.map(({ set }) => set))];
  return ok({
    promptLevel,
    requests: requests.length,
    keptShare: meanOf(kept).mean,
    whole: meanOf(whole),
    selectors: selectors.map(({ name }, at) => {
      const own = losses[at] ?? [];
      return {
        selector: name,
        ...meanOf(own),
        behindFirst: meanOf(own.map((loss, i) => loss - (losses[0]?.[i] ?? 0))),
        bySet: Object.fromEntries(
          sets.map((set) => [set, meanOf(own.filter((_, i) => requests[i]?.set === set)).mean]),
        ),
      };
    }),
  });
}
