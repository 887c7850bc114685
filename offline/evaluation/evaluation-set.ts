import type { MeasuredText } from '../../core/quality-card.ts';
import type { MultipleChoiceItem } from '../datasets/multiple-choice-prompt.ts';
import { encodeItem, runTokens, type EncodedItem } from './choice-tokens.ts';
import type { ModelText } from './model-text.ts';
import { predictedTokens, type TextWindow } from './text-score.ts';

export interface TextPart {
  readonly about: MeasuredText;
  readonly windows: readonly TextWindow[];
}

export interface QuestionPart {
  readonly about: MeasuredText;
  readonly items: readonly EncodedItem[];
}

/** Texts and questions in tokens, ready to be scored by any number of models. */
export interface EvaluationSet {
  readonly texts: readonly TextPart[];
  readonly questions: readonly QuestionPart[];
}

/** What a part is called in figures, and where it comes from; `sha256` is of the whole file. */
export type PartOrigin = Pick<MeasuredText, 'name' | 'sha256' | 'sampling'>;

export function textPart(origin: PartOrigin, windows: readonly TextWindow[]): TextPart {
  const tokens = windows.reduce((sum, window) => sum + predictedTokens(window), 0);
  return { about: { ...origin, kind: 'text', pieces: windows.length, tokens }, windows };
}

/** @param items with the app that each belongs to, or null. */
export function questionPart(
  origin: PartOrigin,
  kind: 'multiple-choice' | 'ui-steps',
  items: readonly { readonly item: MultipleChoiceItem; readonly app: string | null }[],
  text: ModelText,
): QuestionPart {
  const encoded = items.map(({ item, app }) => encodeItem(item, text, app));
  const tokens = encoded.reduce((sum, item) => sum + runTokens(item), 0);
  return { about: { ...origin, kind, pieces: encoded.length, tokens }, items: encoded };
}
