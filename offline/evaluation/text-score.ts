import type { LogitsSource } from './logits-source.ts';
import { referenceRows, scoreRows } from './logit-rows.ts';

/** One sequence of a text: tokens from `scoreFrom` (at least 1) on are predicted, those before are context. */
export interface TextWindow {
  readonly ids: readonly number[];
  readonly scoreFrom: number;
}

export interface TextScore {
  readonly perplexity: number;
  /** Mean KL(reference || model) over the predicted positions, nats per token. */
  readonly kl: number;
  readonly tokens: number;
}

/** How many tokens of a window are predicted. */
export function predictedTokens(window: TextWindow): number {
  return window.ids.length - window.scoreFrom;
}

/**
 * Perplexity of each model and its divergence from the reference. Windows are the outer loop, so that the
 * reference's predictions of one window only are held ([tokens, vocabSize] float32).
 *
 * @param reference may be one of the models: it is run once then.
 * @param onModel called after each model (and a reference of its own) of each window.
 */
export async function scoreTexts(
  models: readonly LogitsSource[],
  reference: LogitsSource,
  windows: readonly TextWindow[],
  onModel: (window: TextWindow) => void = () => undefined,
  signal?: AbortSignal,
): Promise<TextScore[]> {
  const sums = new Map(models.map((model) => [model, { loss: 0, divergence: 0 }]));
  let tokens = 0;
  for (const window of windows) {
    const targets = window.ids.slice(window.scoreFrom);
    tokens += targets.length;
    const logitsOf = async (model: LogitsSource): Promise<Float32Array> => {
      signal?.throwIfAborted();
      // The last token predicts nothing that is known: it is not run.
      return model.logits(window.ids.slice(0, -1), window.scoreFrom - 1);
    };
    const logits = await logitsOf(reference);
    const own = sums.get(reference);
    if (own !== undefined) own.loss += scoreRows(logits, reference.vocabSize, targets, null).loss;
    const rows = referenceRows(logits, reference.vocabSize);
    onModel(window);
    for (const [model, sum] of sums) {
      if (model === reference) continue;
      const scored = scoreRows(await logitsOf(model), model.vocabSize, targets, rows);
      sum.loss += scored.loss;
      sum.divergence += scored.divergence;
      onModel(window);
    }
  }
  return models.map((model) => {
    const { loss, divergence } = sums.get(model) ?? { loss: Number.NaN, divergence: Number.NaN };
    // Rounding of float32 probabilities can leave a few 1e-8 below zero.
    return { perplexity: Math.exp(loss / tokens), kl: Math.max(0, divergence / tokens), tokens };
  });
}
