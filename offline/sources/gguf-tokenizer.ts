import { fail, ok, type Result } from '../../core/result.ts';
import type { GgufHeader } from './gguf-header.ts';
import type { TokenizerSource } from './source-model.ts';

/** Token types of llama.cpp's vocabulary (llama.h). */
const TOKEN_CONTROL = 3;
const TOKEN_USER_DEFINED = 4;

const BYTE_LEVEL = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };

/** Words, runs of `digits`, punctuation and white space, as Llama 3's and Qwen2's tokenizer.json split text. */
function wordSplit(digits: string): unknown {
  const regex = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
  const split = { type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false };
  return { type: 'Sequence', pretokenizers: [split, { ...BYTE_LEVEL, use_regex: false }] };
}

interface PreTokenizer {
  readonly preTokenizer: unknown;
  readonly normalizer?: unknown;
  /** Whole words of the vocabulary are taken without merging. */
  readonly ignoreMerges?: boolean;
  /** Where the file does not say whether a prompt starts with BOS. */
  readonly addBos?: boolean;
}

/** llama.cpp's `tokenizer.ggml.pre` -> the same in Hugging Face's format. */
const PRE_TOKENIZERS: Readonly<Record<string, PreTokenizer>> = {
  smollm: {
    preTokenizer: {
      type: 'Sequence',
      pretokenizers: [{ type: 'Digits', individual_digits: true }, BYTE_LEVEL],
    },
  },
  'gpt-2': { preTokenizer: BYTE_LEVEL },
  qwen2: { preTokenizer: wordSplit('\\p{N}'), normalizer: { type: 'NFC' } },
  'llama-bpe': { preTokenizer: wordSplit('\\p{N}{1,3}'), ignoreMerges: true, addBos: true },
};

/** Used where a file carries no template: the ChatML form most small instruct models were trained with. */
export const CHATML_TEMPLATE =
  "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

function strings(header: GgufHeader, key: string): string[] | null {
  const value = header.metadata.get(key)?.value;
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : null;
}

function tokenId(header: GgufHeader, key: string, vocabSize: number): number | null {
  const value = header.metadata.get(key)?.value;
  return typeof value === 'number' && value >= 0 && value < vocabSize ? value : null;
}

/**
 * Rebuilds the `tokenizer.json` (byte-level BPE) that a GGUF's vocabulary came from. Failures:
 * `gguf-corrupt` (vocabulary incomplete), `gguf-unsupported` (another kind of tokenizer).
 */
export function readGgufTokenizer(header: GgufHeader, path: string): Result<TokenizerSource> {
  const kind = header.metadata.get('tokenizer.ggml.model')?.value;
  const pre = header.metadata.get('tokenizer.ggml.pre')?.value ?? 'gpt-2';
  const known = typeof pre === 'string' ? PRE_TOKENIZERS[pre] : undefined;
  if (kind !== 'gpt2' || known === undefined)
    return fail(
      'gguf-unsupported',
      `${path}: tokenizer ${String(kind)}/${String(pre)} is not supported; Bungee reads gpt2 with ${Object.keys(PRE_TOKENIZERS).join(', ')}.`,
      'Use the safetensors folder of this model: it brings its tokenizer.json.',
    );
  const tokens = strings(header, 'tokenizer.ggml.tokens');
  const merges = strings(header, 'tokenizer.ggml.merges');
  const eos = tokens === null ? null : tokenId(header, 'tokenizer.ggml.eos_token_id', tokens.length);
  if (tokens === null || merges === null || eos === null)
    return fail(
      'gguf-corrupt',
      `${path} is damaged: its vocabulary (tokens, merges, eos_token_id) is incomplete.`,
      'Fetch the file again, or name another model.',
    );
  const types = header.metadata.get('tokenizer.ggml.token_type')?.value;
  const vocab: Record<string, number> = {};
  const addedTokens: unknown[] = [];
  for (const [id, content] of tokens.entries()) {
    const type = Array.isArray(types) ? types[id] : undefined;
    vocab[content] = id;
    if (type === TOKEN_CONTROL || type === TOKEN_USER_DEFINED)
      addedTokens.push({
        id,
        content,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: type === TOKEN_CONTROL,
      });
  }
  const unknown = tokenId(header, 'tokenizer.ggml.unknown_token_id', tokens.length);
  const json = JSON.stringify({
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens,
    normalizer: known.normalizer ?? null,
    pre_tokenizer: known.preTokenizer,
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: unknown === null ? null : tokens[unknown],
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ...(known.ignoreMerges === true ? { ignore_merges: true } : {}),
      vocab,
      merges,
    },
  });
  const template = header.metadata.get('tokenizer.chat_template')?.value;
  return ok({
    json,
    chatTemplate: typeof template === 'string' ? template : CHATML_TEMPLATE,
    bosTokenId: tokenId(header, 'tokenizer.ggml.bos_token_id', tokens.length),
    eosTokenIds: [eos],
    addBos: (header.metadata.get('tokenizer.ggml.add_bos_token')?.value ?? known.addBos) === true,
  });
}
