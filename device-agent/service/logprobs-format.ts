import type { TokenScore } from '../engine/generate.ts';
import type { PromptEncoder } from '../host/prompt-encoder.ts';

/** One token with its score, prompt or output; the first prompt token has none. */
export interface ScoredToken {
  readonly token: number;
  readonly score: TokenScore | null;
}

export interface CompletionLogprobs {
  readonly tokens: string[];
  readonly token_logprobs: (number | null)[];
  readonly top_logprobs: (Record<string, number> | null)[] | null;
  readonly text_offset: number[];
}

/**
 * `logprobs` of /v1/completions.
 *
 * @param alternatives the request's `logprobs`; 0 = only the tokens themselves.
 * @param textBefore characters of the choice's text before the first token.
 */
export function completionLogprobs(
  encoder: PromptEncoder,
  tokens: readonly ScoredToken[],
  alternatives: number,
  textBefore: number,
): CompletionLogprobs {
  const texts = tokens.map(({ token }) => encoder.textOf(token));
  let offset = textBefore;
  return {
    tokens: texts,
    token_logprobs: tokens.map(({ score }) => score?.logprob ?? null),
    top_logprobs:
      alternatives === 0
        ? null
        : tokens.map(({ token, score }) => (score === null ? null : topLogprobs(encoder, token, score))),
    text_offset: texts.map((text) => {
      const at = offset;
      offset += text.length;
      return at;
    }),
  };
}

/** By text; where two tokens have the same text the more probable one stays. The token itself is included. */
function topLogprobs(encoder: PromptEncoder, token: number, score: TokenScore): Record<string, number> {
  const top = new Map<string, number>();
  for (const each of [...score.top, { token, logprob: score.logprob }]) {
    const text = encoder.textOf(each.token);
    if (!top.has(text)) top.set(text, each.logprob);
  }
  return Object.fromEntries(top);
}

export interface ChatTokenLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: number[];
}

/** One element of `choices[].logprobs.content` of /v1/chat/completions. */
export function chatLogprob(
  encoder: PromptEncoder,
  { token, score }: ScoredToken,
): ChatTokenLogprob & { readonly top_logprobs: ChatTokenLogprob[] } {
  const one = (id: number, logprob: number): ChatTokenLogprob => ({
    token: encoder.textOf(id),
    logprob,
    bytes: encoder.bytesOf(id),
  });
  return {
    ...one(token, score?.logprob ?? 0),
    top_logprobs: (score?.top ?? []).map((each) => one(each.token, each.logprob)),
  };
}
