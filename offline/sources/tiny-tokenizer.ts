import { byteLevelBpeJson } from './byte-level-bpe.ts';
import { CHATML_TEMPLATE } from './gguf-tokenizer.ts';
import type { TokenizerSource } from './source-model.ts';

/** GPT-2's byte alphabet: every byte as a printable character (openai/gpt-2, encoder.py). */
export function byteAlphabet(): string[] {
  const printable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}

const SPECIAL_TOKENS = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'];
const BOS = 1;
const EOS = 2;

/** Merges of frequent English pairs, so that the tokenizer really merges. */
const MERGES = [
  'Ġ t',
  'h e',
  'Ġt he',
  'i n',
  'Ġ a',
  'r e',
  'o n',
  'e r',
  'a n',
  'Ġ s',
  'o u',
  'n d',
  'Ġ w',
  'a t',
];

export const TINY_VOCAB = 320;

/** A byte-level BPE tokenizer: special tokens, 256 bytes, a few merges, the rest unused names. */
export function tinyTokenizer(): TokenizerSource {
  const tokens = [...SPECIAL_TOKENS, ...byteAlphabet(), ...MERGES.map((merge) => merge.replace(' ', ''))];
  while (tokens.length < TINY_VOCAB) tokens.push(`<unused${tokens.length}>`);
  const json = byteLevelBpeJson({
    specialTokens: SPECIAL_TOKENS,
    preTokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    vocab: tokens.map((token, id) => [token, id]),
    merges: MERGES,
  });
  return { json, chatTemplate: CHATML_TEMPLATE, bosTokenId: BOS, eosTokenIds: [EOS], addBos: false };
}
