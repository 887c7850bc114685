/** A question scored as a language model scores it: the log-probability of each choice after the context. */
export interface MultipleChoiceItem {
  /** Without trailing white space; a choice follows after one space. */
  readonly context: string;
  readonly choices: readonly string[];
  /** Index of the right choice. */
  readonly gold: number;
}

/**
 * How items become prompts, decided here and nowhere else, for training and evaluation alike.
 *
 * Question sets (ARC, PIQA, BoolQ, CommonsenseQA of llm-foundry) begin with `Question:` or `Passage:`; their
 * context ends in `\nAnswer:`, as llm-foundry's tasks do by `continuation_delimiter`. Sets whose queries begin
 * with neither (OpenBookQA) are sentences to be continued: the query stays as it is.
 */
export function evaluationContext(query: string): string {
  const trimmed = query.trimEnd();
  if (trimmed.endsWith('Answer:')) return trimmed;
  return /^(Question|Passage):/.test(trimmed) ? `${trimmed}\nAnswer:` : trimmed;
}

/** The query of a bare question, in the form that evaluation files of its set have. */
export function bareQuery(question: string, style: 'question' | 'continuation'): string {
  return style === 'question' ? `Question: ${question.trim()}` : question.trim();
}

/** The text a language model is asked to continue the context with: one space and the choice. */
export function continuation(choice: string): string {
  return ` ${choice.trim()}`;
}

/**
 * What `accNorm` divides a choice's log-probability by: UTF-8 bytes of the choice without the space before it
 * (lm-evaluation-harness `acc_norm` counts characters, which is the same for ASCII). `acc` does not divide.
 */
export function choiceBytes(choice: string): number {
  return Math.max(1, Buffer.byteLength(choice.trim(), 'utf8'));
}
