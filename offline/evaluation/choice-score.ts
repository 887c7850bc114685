import type { Accuracy, FileAccuracy } from '../../core/quality-card.ts';
import type { EncodedItem } from './choice-tokens.ts';
import { openPrefix, type LogitsSource } from './logits-source.ts';
import { tokenLogProbability } from './logit-rows.ts';

/** Summed log-probability of each choice's scored tokens, nats; the prefix is run once. */
export async function choiceLogProbabilities(source: LogitsSource, item: EncodedItem): Promise<number[]> {
  const longest = Math.max(...item.choices.map(({ tail }) => tail.length));
  const prefix = await openPrefix(source, item.prefix, longest);
  const sums: number[] = [];
  for (const { tail, scoreFrom } of item.choices) {
    let sum = 0;
    if (scoreFrom === 0) sum += tokenLogProbability(prefix.last, source.vocabSize, 0, tail[0] as number);
    // The last token predicts nothing: a choice of one token needs no run of its own.
    const rows = tail.length > 1 ? await prefix.continueWith(tail.slice(0, -1)) : null;
    for (let i = Math.max(1, scoreFrom); rows !== null && i < tail.length; i++)
      sum += tokenLogProbability(rows, source.vocabSize, i - 1, tail[i] as number);
    sums.push(sum);
  }
  return sums;
}

/** Whether the right choice was taken, by sum and per byte. */
export interface Outcome {
  readonly right: boolean;
  readonly rightNorm: boolean;
  readonly app: string | null;
}

/** Index of the largest value; the first of equals. */
function largestIndex(values: readonly number[]): number {
  return values.reduce((best, value, i) => (value > (values[best] as number) ? i : best), 0);
}

/** Takes the choice of the largest log-probability, and the largest per byte of its text (lm-eval's acc_norm). */
export function judge(item: EncodedItem, logProbabilities: readonly number[]): Outcome {
  const perByte = logProbabilities.map((sum, i) => sum / (item.choices[i]?.bytes ?? 1));
  return {
    right: largestIndex(logProbabilities) === item.gold,
    rightNorm: largestIndex(perByte) === item.gold,
    app: item.app,
  };
}

/**
 * Judges every item by every model.
 *
 * @param onModel called after each model of each item.
 * @returns outcomes [model][item].
 */
export async function scoreItems(
  models: readonly LogitsSource[],
  items: readonly EncodedItem[],
  onModel: (item: EncodedItem) => void = () => undefined,
  signal?: AbortSignal,
): Promise<Outcome[][]> {
  const outcomes: Outcome[][] = models.map(() => []);
  for (const item of items)
    for (const [index, model] of models.entries()) {
      signal?.throwIfAborted();
      outcomes[index]?.push(judge(item, await choiceLogProbabilities(model, item)));
      onModel(item);
    }
  return outcomes;
}

function shareOf(outcomes: readonly Outcome[]): Accuracy {
  const n = outcomes.length;
  const share = (right: (outcome: Outcome) => boolean): number =>
    n === 0 ? 0 : outcomes.filter(right).length / n;
  const error = (p: number): number => (n === 0 ? 0 : Math.sqrt((p * (1 - p)) / n));
  const acc = share(({ right }) => right);
  const accNorm = share(({ rightNorm }) => rightNorm);
  return { acc, accNorm, n, stderr: error(acc), stderrNorm: error(accNorm) };
}

/** Accuracy with standard error sqrt(p (1 - p) / n); by app too where items belong to apps. */
export function accuracyOf(outcomes: readonly Outcome[]): FileAccuracy {
  const apps = [...new Set(outcomes.flatMap(({ app }) => app ?? []))].sort();
  const whole = shareOf(outcomes);
  if (apps.length === 0) return whole;
  const byApp = Object.fromEntries(
    apps.map((name) => [name, shareOf(outcomes.filter(({ app }) => app === name))]),
  );
  return { ...whole, byApp };
}
