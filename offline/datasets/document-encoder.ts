import { Template } from '@huggingface/jinja';
import { Tokenizer } from '@huggingface/tokenizers';
import { fail, ok, type Result } from '../../core/result.ts';
import type { TokenizerSource } from '../sources/source-model.ts';
import type { CorpusDocument } from './corpus.ts';
import { continuation } from './multiple-choice-prompt.ts';

/** What a wrong prediction of each kind of token costs in training; 1 is a token of running text. */
export interface LossWeights {
  /** What the user says in a talk; 0 trains on responses only. The template's own words always weigh 0. */
  readonly prompt: number;
  readonly response: number;
  /** Context of a multiple-choice item or UI step. */
  readonly itemContext: number;
  /** Its right choice: a few tokens that decide the accuracy. */
  readonly itemAnswer: number;
}

export const DEFAULT_LOSS_WEIGHTS: LossWeights = { prompt: 1, response: 1, itemContext: 0.5, itemAnswer: 4 };

/** A document as tokens. */
export interface EncodedDocument {
  readonly ids: Int32Array;
  /** Weight of predicting `ids[i]` from the tokens before it. */
  readonly weights: Float32Array;
}

export interface DocumentEncoder {
  /** Tokens of plain text, nothing added. */
  readonly encodeText: (text: string) => number[];
  /** A whole document, ended as the model ends a turn or a text. Encoded once, then remembered. */
  readonly encodeDocument: (document: CorpusDocument) => EncodedDocument;
}

function commonPrefix(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}

/** Text to training tokens by a model's tokenizer and chat template. Failure `chat-template` when it refuses a talk. */
export function documentEncoder(
  source: TokenizerSource,
  lossWeights: LossWeights = DEFAULT_LOSS_WEIGHTS,
): Result<DocumentEncoder> {
  const tokenizer = new Tokenizer(JSON.parse(source.json), {});
  const encodeText = (text: string): number[] => tokenizer.encode(text, { add_special_tokens: false }).ids;
  const wordOf = (id: number | null | undefined): string =>
    id === null || id === undefined ? '' : (tokenizer.id_to_token(id) ?? '');
  const begin = source.addBos && source.bosTokenId !== null ? [source.bosTokenId] : [];
  const end = source.eosTokenIds.slice(0, 1);
  const template = new Template(source.chatTemplate);
  const render = (prompt: string, response: string | null): string =>
    template.render({
      messages: [
        { role: 'user', content: prompt },
        ...(response === null ? [] : [{ role: 'assistant', content: response }]),
      ],
      add_generation_prompt: response === null,
      bos_token: wordOf(source.bosTokenId),
      eos_token: wordOf(end[0]),
    });
  let frame: number;
  try {
    render('Go', 'Done');
    frame = commonPrefix(encodeText(render('Go', null)), encodeText(render('No', null)));
  } catch (error) {
    return fail(
      'chat-template',
      'The chat template of the model refuses a talk of one prompt and one response.',
      'Mend chat_template of the model.',
      String(error),
    );
  }

  /** Parts follow one another; the part's weight counts for each of its tokens. */
  const join = (parts: readonly (readonly [ids: readonly number[], weight: number])[]): EncodedDocument => {
    const ids = Int32Array.from(parts.flatMap(([part]) => part));
    const weights = Float32Array.from(parts.flatMap(([part, weight]) => part.map(() => weight)));
    return { ids, weights };
  };
  const encodeChat = (prompt: string, response: string): EncodedDocument => {
    const asked = render(prompt, null);
    const whole = render(prompt, response).trimEnd();
    // Prompt and response are tokenized apart, as they are when the model serves.
    const promptIds = encodeText(asked);
    const weighted: [number[], number][] = [
      [promptIds.slice(0, frame), 0],
      [promptIds.slice(frame), lossWeights.prompt],
    ];
    const answer = whole.startsWith(asked) ? whole.slice(asked.length) : response + wordOf(end[0]);
    return join([...weighted, [encodeText(answer), lossWeights.response]]);
  };
  const encode = (document: CorpusDocument): EncodedDocument => {
    if (document.kind === 'prose')
      return join([
        [begin, 0],
        [encodeText(document.text), 1],
        [end, 1],
      ]);
    if (document.kind === 'chat') return encodeChat(document.prompt, document.text);
    const { context, choices, gold } = document.item;
    const contextIds = encodeText(context);
    // Tokenized as one text and parted where the context's own tokens end, as evaluation does.
    const whole = encodeText(context + continuation(choices[gold] ?? ''));
    return join([
      [begin, 0],
      [whole.slice(0, contextIds.length), lossWeights.itemContext],
      [[...whole.slice(contextIds.length), ...end], lossWeights.itemAnswer],
    ]);
  };
  const remembered = new WeakMap<CorpusDocument, EncodedDocument>();
  return ok({
    encodeText,
    encodeDocument: (document) => {
      const known = remembered.get(document);
      if (known !== undefined) return known;
      const encoded = encode(document);
      remembered.set(document, encoded);
      return encoded;
    },
  });
}
