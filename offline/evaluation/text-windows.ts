import type { TextDocument } from '../datasets/text-documents.ts';
import type { ModelText } from './model-text.ts';
import { spread, spreadIndices } from './spread.ts';
import { predictedTokens, type TextWindow } from './text-score.ts';

export interface WindowOptions {
  /** Tokens of a window, at least 2. */
  readonly windowTokens: number;
  /** Windows of running text, or as many tokens' worth of documents; 0 = the whole file. */
  readonly windows: number;
}

/**
 * Disjoint windows evenly spread over a sequence; one shorter window where there are fewer tokens than one.
 *
 * @param start goes before each window: BOS where the model wants it.
 */
export function cutWindows(
  ids: readonly number[],
  { windowTokens, windows }: WindowOptions,
  start: readonly number[] = [],
): TextWindow[] {
  const whole = Math.floor(ids.length / windowTokens);
  if (whole === 0) return ids.length < 2 ? [] : [{ ids: [...start, ...ids], scoreFrom: 1 }];
  const count = windows === 0 ? whole : Math.min(whole, windows);
  const room = ids.length - windowTokens;
  return Array.from({ length: count }, (_, i) => {
    const from = count === 1 ? 0 : Math.floor((i * room) / (count - 1));
    return { ids: [...start, ...ids.slice(from, from + windowTokens)], scoreFrom: 1 };
  });
}

function documentWindow(document: TextDocument, text: ModelText, windowTokens: number): TextWindow | null {
  if (document.prompt === null) {
    const ids = [...text.start, ...text.encode(document.text)].slice(0, windowTokens);
    return ids.length < 2 ? null : { ids, scoreFrom: 1 };
  }
  const prompt = text.encodePrompt(document.prompt);
  const ids = [...prompt, ...text.encode(document.text)].slice(0, windowTokens);
  return prompt.length === 0 || ids.length <= prompt.length ? null : { ids, scoreFrom: prompt.length };
}

/**
 * Windows of a file's documents. One running text is cut into windows, each predicted from its own first token
 * on. Several documents are a window each, cut at `windowTokens`; of an answer to a prompt only the answer is
 * predicted, after the prompt in the chat template.
 */
export function textWindows(
  documents: readonly TextDocument[],
  text: ModelText,
  options: WindowOptions,
): TextWindow[] {
  const [first] = documents;
  if (documents.length === 1 && first?.prompt === null)
    return cutWindows(text.encode(first.text), options, text.start);
  const all = options.windows === 0;
  // Never more documents than tokens asked for: large files are not encoded whole.
  const wanted = options.windows * options.windowTokens;
  const candidates = spread(documents, all ? 0 : wanted);
  const windows = candidates.flatMap((document) => {
    const window = documentWindow(document, text, options.windowTokens);
    return window === null ? [] : [window];
  });
  if (all) return windows;
  const tokens = windows.reduce((sum, window) => sum + predictedTokens(window), 0);
  const count = Math.max(1, Math.floor((windows.length * wanted) / Math.max(wanted, tokens)));
  return spreadIndices(windows.length, count).map((index) => windows[index] as TextWindow);
}
