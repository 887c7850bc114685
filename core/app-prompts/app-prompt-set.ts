/**
 * Prompts of one app for live traces, written for this project. As in the paper's set-up (§5.1) each request
 * is a system prompt with five in-context examples and one question; evaluation uses the public data sets.
 */
export interface AppPromptSet {
  readonly system: string;
  readonly examples: readonly { readonly question: string; readonly answer: string }[];
  readonly questions: readonly string[];
  /** Longest answer asked for, tokens. */
  readonly maxTokens: number;
}
