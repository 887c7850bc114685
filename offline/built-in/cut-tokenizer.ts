import { z } from 'zod';
import { byteLevelBpeJson } from '../sources/byte-level-bpe.ts';
import { byteAlphabet } from '../sources/tiny-tokenizer.ts';
import { CHATML_TEMPLATE } from '../sources/gguf-tokenizer.ts';
import type { TokenizerSource } from '../sources/source-model.ts';

/** ChatML's tokens, with the ids that SmolLM2 gives them. */
const SPECIAL_TOKENS = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'];
const BOS = 1;
const EOS = 2;

const byteLevelBpe = z.looseObject({
  pre_tokenizer: z.unknown(),
  decoder: z.unknown(),
  model: z.looseObject({
    type: z.literal('BPE'),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])),
  }),
});

/**
 * The first merges of a byte-level BPE tokenizer as a tokenizer of its own: merges are learned most frequent
 * first, so a prefix of them is what training with a smaller vocabulary gives. Special tokens 0..2, then the 256
 * bytes, then one token per merge; pre-tokenizer and decoder stay, so does the rule for digits.
 *
 * @throws where the tokenizer is no BPE or has too few merges for `vocabSize`.
 */
export function cutTokenizer(source: TokenizerSource, vocabSize: number): TokenizerSource {
  const { pre_tokenizer, decoder, model } = byteLevelBpe.parse(JSON.parse(source.json));
  const vocab = new Map<string, number>(
    [...SPECIAL_TOKENS, ...byteAlphabet()].map((token, id) => [token, id]),
  );
  const merges: string[] = [];
  for (const merge of model.merges) {
    if (vocab.size === vocabSize) break;
    const [left = '', right = ''] = typeof merge === 'string' ? merge.split(' ') : merge;
    if (!vocab.has(left) || !vocab.has(right)) continue;
    merges.push(`${left} ${right}`);
    if (!vocab.has(left + right)) vocab.set(left + right, vocab.size);
  }
  if (vocab.size !== vocabSize)
    throw new RangeError(`the tokenizer has merges for ${vocab.size} tokens, not for ${vocabSize}`);
  const json = byteLevelBpeJson({
    specialTokens: SPECIAL_TOKENS,
    preTokenizer: pre_tokenizer,
    decoder,
    vocab: [...vocab],
    merges,
  });
  return { json, chatTemplate: CHATML_TEMPLATE, bosTokenId: BOS, eosTokenIds: [EOS], addBos: false };
}
