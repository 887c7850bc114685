import type { FileAccuracy, QualityFigures } from '../../core/quality-card.ts';
import { StageProgress, type OnProgress } from '../progress.ts';
import { accuracyOf, scoreItems } from './choice-score.ts';
import { runTokens } from './choice-tokens.ts';
import type { EvaluationSet, QuestionPart, TextPart } from './evaluation-set.ts';
import type { LogitsSource } from './logits-source.ts';
import { scoreTexts } from './text-score.ts';

export interface MeasuredFigures {
  /** One for each model, in their order. */
  readonly figures: readonly QualityFigures[];
  /** Tokens run by all models together. */
  readonly tokensRun: number;
}

const textStage = ({ about }: TextPart): string => `perplexity on ${about.name}`;
const questionStage = ({ about }: QuestionPart): string => `accuracy on ${about.name}`;

/**
 * Perplexity, divergence from the reference and accuracy of several models on the same windows and items.
 *
 * @param reference what divergences are from, the full model; may be one of the models.
 */
export async function measureFigures(
  models: readonly LogitsSource[],
  reference: LogitsSource,
  set: EvaluationSet,
  onProgress: OnProgress = () => undefined,
  signal?: AbortSignal,
): Promise<MeasuredFigures> {
  const runsPerText = models.length + (models.includes(reference) ? 0 : 1);
  const shares: Record<string, number> = {};
  for (const part of set.texts)
    shares[textStage(part)] = runsPerText * part.windows.reduce((sum, { ids }) => sum + ids.length - 1, 0);
  for (const part of set.questions)
    shares[questionStage(part)] = models.length * part.items.reduce((sum, item) => sum + runTokens(item), 0);
  const progress = new StageProgress(shares, onProgress);
  let tokensRun = 0;
  const counter = (stage: string): ((tokens: number) => void) => {
    let done = 0;
    return (tokens) => {
      done += tokens;
      tokensRun += tokens;
      progress.at(stage, done / (shares[stage] ?? done));
    };
  };

  const figures = models.map(() => ({
    perplexity: {} as Record<string, number>,
    kl: {} as Record<string, number>,
    accuracy: {} as Record<string, FileAccuracy>,
  }));
  for (const part of set.texts) {
    const count = counter(textStage(part));
    const onModel = ({ ids }: { ids: readonly number[] }): void => count(ids.length - 1);
    const scores = await scoreTexts(models, reference, part.windows, onModel, signal);
    for (const [i, own] of figures.entries()) {
      own.perplexity[part.about.name] = scores[i]?.perplexity ?? Number.NaN;
      own.kl[part.about.name] = scores[i]?.kl ?? Number.NaN;
    }
  }
  for (const part of set.questions) {
    const count = counter(questionStage(part));
    const outcomes = await scoreItems(models, part.items, (item) => count(runTokens(item)), signal);
    for (const [i, own] of figures.entries()) own.accuracy[part.about.name] = accuracyOf(outcomes[i] ?? []);
  }
  return { figures, tokensRun };
}
