/** What sets one byte-level BPE tokenizer apart from another. */
export interface ByteLevelBpe {
  /** With ids from 0 on. */
  readonly specialTokens: readonly string[];
  readonly preTokenizer: unknown;
  readonly decoder: unknown;
  /** All tokens with their ids, special ones included. */
  readonly vocab: readonly (readonly [token: string, id: number])[];
  /** Two tokens with a space between, most frequent first. */
  readonly merges: readonly string[];
}

/** `tokenizer.json` of a byte-level BPE tokenizer, as Hugging Face writes it. */
export function byteLevelBpeJson({
  specialTokens,
  preTokenizer,
  decoder,
  vocab,
  merges,
}: ByteLevelBpe): string {
  return JSON.stringify({
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: preTokenizer,
    post_processor: null,
    decoder,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: specialTokens[0],
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(vocab),
      merges,
    },
  });
}
