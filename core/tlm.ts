import { z } from 'zod';
import { FULL_LEVEL, LEVELS, type Level } from './level.ts';
import { PROMPT_LEVELS, WHOLE_PROMPT } from './prompt-level.ts';
import type { Strategy } from './strategy.ts';

/**
 * The dual-head tiny language model (TLM; paper §4): a bidirectional encoder over the LLM's own tokens. The LLM's
 * embedding rows, normalised and projected down, go through shared layers, then through each head's own.
 * Prompts are cut into rows of up to `rowTokens`; every row begins with the two SLO tokens.
 */
export const tlmConfigSchema = z.object({
  /** Width of the encoder. */
  hiddenSize: z.int().positive(),
  heads: z.int().positive(),
  ffnSize: z.int().positive(),
  sharedLayers: z.int().nonnegative(),
  scoreLayers: z.int().nonnegative(),
  decisionLayers: z.int().nonnegative(),
  /** Most positions of a row, SLO tokens included. */
  rowTokens: z.int().min(3),
});
export type TlmConfig = z.infer<typeof tlmConfigSchema>;

/** Sized to cost about 2 % of SmolLM2-135M's prefill. */
export const DEFAULT_TLM_CONFIG: TlmConfig = {
  hiddenSize: 128,
  heads: 4,
  ffnSize: 512,
  sharedLayers: 2,
  scoreLayers: 1,
  decisionLayers: 1,
  rowTokens: 256,
};

/** SLO tokens at the start of each row: one for TTFT, one for TPOT. */
export const SLO_TOKENS = 2;
/** Classes of each SLO bound: 0.1 ... 1.0 of the full model's latency; looser bounds and none count as 1. */
export const SLO_CLASSES = 10;

/** Class 0 ... 9 of a bound, rounded down: never looser than what was asked for. */
export function sloClass(ratio: number | null): number {
  if (ratio === null) return SLO_CLASSES - 1;
  return Math.min(SLO_CLASSES, Math.max(1, Math.floor(ratio * SLO_CLASSES + 1e-6))) - 1;
}

/** What a position is to the compression. */
export const TLM_ROLE = { padding: 0, compressible: 1, fixed: 2 } as const;

/**
 * Inputs and outputs of the graph; R rows of W prompt positions, W up to rowTokens - {@link SLO_TOKENS}.
 *
 * inputs
 * - `input_ids` int64 [R, W]: prompt tokens in order, row by row; padding at the end of the last row (any id)
 * - `roles`     int64 [R, W]: {@link TLM_ROLE}
 * - `slo`       int64 [2]: {@link sloClass} of TTFT and of TPOT
 *
 * outputs
 * - `scores`         float32 [R, W]: the larger, the more a token is worth keeping
 * - `prompt_logits`  float32 [PROMPT_LEVELS.length]
 * - `level_logits`   float32 [LEVELS.length]
 */
export const TLM_GRAPH = {
  inputIds: 'input_ids',
  roles: 'roles',
  slo: 'slo',
  scores: 'scores',
  promptLogits: 'prompt_logits',
  levelLogits: 'level_logits',
} as const;

export interface TlmInputs {
  readonly rows: number;
  /** W: prompt positions of each row. */
  readonly width: number;
  /** [rows, width]; element i is token i of the prompt. */
  readonly inputIds: BigInt64Array;
  /** [rows, width] */
  readonly roles: BigInt64Array;
  /** [2] */
  readonly slo: BigInt64Array;
}

/**
 * Cuts a prompt into as few rows as hold it, all of one width: what is computed in vain is less than a token per row.
 *
 * @param words as of `CompressiblePrompt`: -1 = fixed
 * @param ratios the SLO as ratios of the full model's latency; null = not bounded
 */
export function tlmInputs(
  config: Pick<TlmConfig, 'rowTokens'>,
  tokens: readonly number[],
  words: Int32Array,
  ratios: { readonly ttft: number | null; readonly tpot: number | null },
): TlmInputs {
  const rows = Math.max(1, Math.ceil(tokens.length / (config.rowTokens - SLO_TOKENS)));
  const width = Math.max(1, Math.ceil(tokens.length / rows));
  const inputIds = new BigInt64Array(rows * width);
  const roles = new BigInt64Array(rows * width).fill(BigInt(TLM_ROLE.padding));
  for (const [i, token] of tokens.entries()) {
    inputIds[i] = BigInt(token);
    roles[i] = BigInt((words[i] ?? -1) < 0 ? TLM_ROLE.fixed : TLM_ROLE.compressible);
  }
  const slo = BigInt64Array.of(BigInt(sloClass(ratios.ttft)), BigInt(sloClass(ratios.tpot)));
  return { rows, width, inputIds, roles, slo };
}

/**
 * What the decision head proposes: the likeliest class of each output.
 *
 * @param promptLogits [PROMPT_LEVELS]
 * @param levelLogits [LEVELS]
 * @param levels those of the bundle; others are passed over
 */
export function proposedStrategy(
  promptLogits: ArrayLike<number>,
  levelLogits: ArrayLike<number>,
  levels: readonly Level[],
): Strategy {
  const likeliest = <T>(
    classes: readonly T[],
    logits: ArrayLike<number>,
    allowed: (one: T) => boolean,
  ): T | null => {
    let best: { readonly one: T; readonly logit: number } | null = null;
    for (const [i, one] of classes.entries()) {
      const logit = logits[i] ?? Number.NEGATIVE_INFINITY;
      if (allowed(one) && (best === null || logit > best.logit)) best = { one, logit };
    }
    return best?.one ?? null;
  };
  return {
    promptLevel: likeliest(PROMPT_LEVELS, promptLogits, () => true) ?? WHOLE_PROMPT,
    modelLevel: likeliest(LEVELS, levelLogits, (level) => levels.includes(level)) ?? FULL_LEVEL,
  };
}

export interface TlmEntry {
  /** E.g. `project`, `shared.0.q`, `score.0.up`, `decision.out`. */
  readonly name: string;
  /** Row-major; matrices are [inputs, outputs]. */
  readonly dims: readonly number[];
  /** In elements. */
  readonly offset: number;
  readonly length: number;
}

/**
 * Where each trained parameter lies, one after the other. Layers are pre-norm: x + attention(norm(x)), x +
 * down(silu(up(norm(x)))); `q k v o up down` without biases, norms are RMS with a weight. SLO embeddings are rows of
 * the identity and not trained; positions are sinusoidal and counted within the row, so that no prompt is longer
 * than what was trained. `score.out` reads the normalised prompt positions. `decision.mix` reads the mean of the
 * normalised prompt positions of all rows and the mean of their SLO tokens, concatenated; silu of it goes into
 * `decision.prompt` and `decision.level`.
 *
 * @param inputSize width of the LLM's embedding
 */
export function tlmLayout(config: TlmConfig, inputSize: number): { total: number; entries: TlmEntry[] } {
  const { hiddenSize: d, ffnSize } = config;
  const entries: TlmEntry[] = [];
  let total = 0;
  const add = (name: string, ...dims: number[]): void => {
    const length = dims.reduce((product, dim) => product * dim, 1);
    entries.push({ name, dims, offset: total, length });
    total += length;
  };
  add('project', inputSize, d);
  add('roles', Object.keys(TLM_ROLE).length, d);
  const stacks = [
    ['shared', config.sharedLayers],
    ['score', config.scoreLayers],
    ['decision', config.decisionLayers],
  ] as const;
  for (const [stack, layers] of stacks)
    for (let layer = 0; layer < layers; layer++) {
      const at = `${stack}.${layer}`;
      add(`${at}.attentionNorm`, d);
      for (const matrix of ['q', 'k', 'v', 'o']) add(`${at}.${matrix}`, d, d);
      add(`${at}.mlpNorm`, d);
      add(`${at}.up`, d, ffnSize);
      add(`${at}.down`, ffnSize, d);
    }
  add('score.norm', d);
  add('score.out', d, 1);
  add('decision.norm', d);
  add('decision.mix', 2 * d, d);
  add('decision.prompt', d, PROMPT_LEVELS.length);
  add('decision.level', d, LEVELS.length);
  return { total, entries };
}
