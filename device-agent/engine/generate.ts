import type { Level } from '../../core/level.ts';
import type { Failure } from '../../core/result.ts';
import type { ExecutionProvider } from '../../core/runtime-pack.ts';
import type { ElasticEngine, Sequence } from './elastic-engine.ts';
import { createSampler, logprobsOf, type SamplingOptions, type TokenLogprob } from './sampling.ts';
import type { StaticPrefill } from './static/static-prefill.ts';
import { TextStream } from './text-stream.ts';
import type { TokenBytes } from './token-bytes.ts';

export interface GenerationRequest {
  readonly promptTokens: readonly number[];
  /** 0 only scores the prompt. */
  readonly maxTokens: number;
  readonly level: Level;
  readonly sampling: SamplingOptions;
  readonly stop: readonly string[];
  /** Tokens that end the text. */
  readonly eosTokenIds: readonly number[];
  /** How many alternatives to report with each token's log-probability; null = none at all. */
  readonly logprobs: number | null;
  /** Report log-probabilities of the prompt's tokens too. */
  readonly scorePrompt: boolean;
}

export interface TokenScore {
  readonly logprob: number;
  readonly top: readonly TokenLogprob[];
}

export interface GeneratedToken {
  readonly index: number;
  readonly token: number;
  /** Text that became safe to show with this token; may be empty. */
  readonly text: string;
  readonly score: TokenScore | null;
}

export interface GenerationHooks {
  /** The level is set; how long that took. */
  readonly onLevel: (from: Level, switchMs: number) => void;
  /** Scores of prompt tokens 1.. (the first has none), once, before the first token. */
  readonly onPromptScores: (scores: TokenScore[]) => void;
  readonly onToken: (token: GeneratedToken) => void;
  /** Static prefill refused; the engine has gone on. */
  readonly onStaticFailure: (failure: Failure) => void;
  readonly cancelled: () => boolean;
}

export interface GenerationEnd {
  /** Tokens of the prompt that another provider than the engine's prefilled; null = none. */
  readonly ahead: { readonly provider: ExecutionProvider; readonly tokens: number } | null;
  readonly reason: 'stop' | 'length' | 'cancelled';
  readonly tokens: number;
  /** Text that was held back until now. */
  readonly tail: string;
}

/** Prompt rows whose logits are materialized at once when the prompt is scored (12.6 MB at 49152 tokens). */
const SCORING_CHUNK = 64;

/**
 * Serves one request: prefill, then one token per run until a stop string, an end token, the limit or a
 * cancellation. Throws when the runtime does; the engine stays usable.
 *
 * @param ahead runs the prompt's chunks on another provider; null = the engine prefills alone. A prompt that is
 *   scored needs logits of all positions, which only the engine gives.
 */
export async function generate(
  engine: ElasticEngine,
  table: TokenBytes,
  request: GenerationRequest,
  hooks: GenerationHooks,
  ahead: StaticPrefill | null = null,
): Promise<GenerationEnd> {
  const switched = engine.setLevel(request.level);
  if (!switched.ok) throw new Error(switched.failure.message);
  hooks.onLevel(switched.value.from, switched.value.switchMs);
  const sequence = engine.open(request.promptTokens.length, request.maxTokens);
  try {
    const { logits: first, ahead: done } = request.scorePrompt
      ? { logits: await scorePrompt(engine, sequence, request, hooks), ahead: null }
      : await prefill(engine, sequence, request, hooks, ahead);
    return { ahead: done, ...(await decode(engine, sequence, table, request, hooks, first)) };
  } finally {
    engine.close(sequence);
  }
}

async function decode(
  engine: ElasticEngine,
  sequence: Sequence,
  table: TokenBytes,
  request: GenerationRequest,
  hooks: GenerationHooks,
  firstLogits: Float32Array | null,
): Promise<Omit<GenerationEnd, 'ahead'>> {
  let logits = firstLogits;
  const sample = createSampler(request.sampling);
  const stream = new TextStream(table, request.stop);
  const eos = new Set(request.eosTokenIds);
  for (let index = 0; index < request.maxTokens; index++) {
    if (logits === null || hooks.cancelled())
      return { reason: 'cancelled', tokens: index, tail: stream.finish() };
    const token = sample(logits);
    const score = request.logprobs === null ? null : logprobsOf(logits, token, request.logprobs);
    const ended = eos.has(token);
    const { text, stopped } = ended ? { text: '', stopped: false } : stream.push(token);
    hooks.onToken({ index, token, text, score });
    if (ended || stopped) return { reason: 'stop', tokens: index + 1, tail: stream.finish() };
    if (index + 1 < request.maxTokens) logits = await engine.step(sequence, token);
  }
  return logits === null
    ? { reason: 'cancelled', tokens: 0, tail: '' }
    : { reason: 'length', tokens: request.maxTokens, tail: stream.finish() };
}

/** The prompt, its first chunks by `ahead`; the logits of its last position, null when cancelled. */
async function prefill(
  engine: ElasticEngine,
  sequence: Sequence,
  { promptTokens, level }: GenerationRequest,
  { cancelled, onStaticFailure }: GenerationHooks,
  ahead: StaticPrefill | null,
): Promise<{ readonly logits: Float32Array | null; readonly ahead: GenerationEnd['ahead'] }> {
  if (ahead === null)
    return { logits: await engine.prefill(sequence, promptTokens, { cancelled }), ahead: null };
  const { tokens, failure } = await ahead.prefill(sequence.cache, level, promptTokens, cancelled);
  if (failure !== null) onStaticFailure(failure);
  const logits = await engine.prefill(sequence, promptTokens.slice(tokens), { cancelled });
  return { logits, ahead: tokens === 0 ? null : { provider: ahead.provider, tokens } };
}

async function scorePrompt(
  engine: ElasticEngine,
  sequence: Sequence,
  request: GenerationRequest,
  hooks: GenerationHooks,
): Promise<Float32Array | null> {
  const vocabSize = engine.model.config.vocabSize;
  const scores: TokenScore[] = [];
  const last = await engine.prefill(sequence, request.promptTokens, {
    cancelled: hooks.cancelled,
    logitsFrom: 0,
    chunk: SCORING_CHUNK,
    onLogits: (first, logits) => {
      for (let row = 0; row < logits.length / vocabSize; row++) {
        const next = request.promptTokens[first + row + 1];
        if (next === undefined) continue;
        const rowLogits = logits.subarray(row * vocabSize, (row + 1) * vocabSize);
        scores.push(logprobsOf(rowLogits, next, request.logprobs ?? 0));
      }
    },
  });
  if (last !== null) hooks.onPromptScores(scores);
  return last;
}
