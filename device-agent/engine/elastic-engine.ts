import { Tensor, type InferenceSession } from 'onnxruntime-node';
import { adapterInputs } from '../../core/adapter-inputs.ts';
import { attentionGroups, GRAPH, pastKeyName, pastValueName } from '../../core/elastic-graph.ts';
import type { Level } from '../../core/level.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { checkLowering, levelsOf, type EngineLevel, type EngineModel } from './engine-model.ts';
import { KvPool, type KvCache } from './kv-cache.ts';
import type { EngineAdapters } from './load-adapters.ts';

/**
 * Tokens per prefill run: bounds scratch memory and how late a cancellation is seen. After prompts of 512
 * tokens of SmolLM2 int8 the runtime holds 352 MB at 256 and 544 MB at 512, and prefill is as fast.
 */
export const PREFILL_CHUNK = 256;
/** Decoded tokens that a cache has room for before it grows. */
const DECODE_RESERVE = 128;
/** First-token rows remembered, one per level and token (46 kB each for SmolLM2-135M). */
const FIRST_TOKEN_ROWS = 64;

/** One sequence being served: its KV cache; {@link ElasticEngine.close} gives it back. */
export interface Sequence {
  cache: KvCache;
  /** Longest length that will be asked for. */
  readonly maxLength: number;
}

export interface PrefillOptions {
  /** Return logits of all positions from this one on; default: the last only. */
  readonly logitsFrom?: number;
  /** Receives logits [rows, vocabSize] chunk by chunk; the array is not reused. */
  readonly onLogits?: (firstPosition: number, logits: Float32Array) => void;
  /** Looked at between chunks; true ends the prefill early. */
  readonly cancelled?: () => boolean;
  readonly chunk?: number;
}

/** A level was changed: from which, and how long it took. */
export interface LevelSwitch {
  readonly from: Level;
  readonly switchMs: number;
}

/** A level with all that its runs are fed, made once: a switch picks another of these. */
interface PreparedLevel {
  readonly engineLevel: EngineLevel;
  readonly feeds: readonly (readonly [string, Tensor])[];
}

/**
 * The elastic decoder: one session, one set of weights, every level inside. A level is a small vector fed
 * with each run (core/elastic-graph.ts), and its recovery adapter; sequences keep their own KV caches. One run
 * at a time.
 */
export class ElasticEngine {
  readonly model: EngineModel;
  readonly #session: InferenceSession;
  readonly #levels: ReadonlyMap<Level, PreparedLevel>;
  readonly #pool: KvPool;
  readonly #firstTokenRows = new Map<string, Float32Array>();
  #current: PreparedLevel;
  /** Outputs of the last decoded token: the next one at its level is written into them. */
  #decoded: { readonly level: Level; readonly outputs: Readonly<Record<string, Tensor>> } | null = null;
  /** Whether the binding below does write in place; known after the first try. */
  #givesOutputs = true;

  constructor(session: InferenceSession, model: EngineModel, adapters: EngineAdapters | null = null) {
    this.#session = session;
    this.model = model;
    const gated = session.inputNames.includes(GRAPH.segmentsOn);
    this.#levels = new Map(
      levelsOf(model).map((engineLevel) => [
        engineLevel.level,
        { engineLevel, feeds: levelFeeds(model, engineLevel, gated, adapters) },
      ]),
    );
    const full = [...this.#levels.values()].at(-1);
    if (full === undefined) throw new Error('a model has at least one level');
    this.#current = full;
    this.#pool = new KvPool({ groups: attentionGroups(model.segments), headDim: model.config.headDim });
  }

  get level(): Level {
    return this.#current.engineLevel.level;
  }

  get levels(): Level[] {
    return [...this.#levels.keys()];
  }

  /** Switches between sequences; no weights move. Failure `level-unknown`. */
  setLevel(level: Level): Result<LevelSwitch> {
    const startedAt = performance.now();
    const next = this.#levels.get(level);
    if (next === undefined)
      return fail('level-unknown', `This bundle has no level ${level}; it has ${this.levels.join(', ')}.`);
    const from = this.level;
    this.#current = next;
    return ok({ from, switchMs: performance.now() - startedAt });
  }

  /** Lowers the level inside a sequence. Failures `level-unknown`, `level-not-lowerable`. */
  lowerLevel(level: Level): Result<LevelSwitch> {
    const next = this.#levels.get(level);
    if (next !== undefined) {
      const allowed = checkLowering(this.#current.engineLevel, next.engineLevel);
      if (!allowed.ok) return allowed;
    }
    return this.setLevel(level);
  }

  open(promptTokens: number, maxNewTokens: number): Sequence {
    const cache = this.#pool.acquire(promptTokens + Math.min(maxNewTokens, DECODE_RESERVE));
    return { cache, maxLength: promptTokens + maxNewTokens };
  }

  close(sequence: Sequence): void {
    this.#pool.release(sequence.cache);
  }

  /**
   * Runs the prompt, or what is left of it behind the rows that the cache has already; returns the logits of its
   * last position, or null when cancelled. Positions in the options count in `tokens`.
   */
  async prefill(
    sequence: Sequence,
    tokens: readonly number[],
    options: PrefillOptions = {},
  ): Promise<Float32Array | null> {
    const chunk = options.chunk ?? PREFILL_CHUNK;
    const logitsFrom = options.logitsFrom ?? tokens.length - 1;
    let last: Float32Array | null = null;
    for (let at = 0; at < tokens.length;) {
      if (options.cancelled?.() === true) return null;
      const alone = sequence.cache.length === 0 && this.model.firstTokenAlone && tokens.length > 1;
      const size = alone ? 1 : Math.min(chunk, tokens.length - at);
      const part = tokens.slice(at, at + size);
      if (alone && logitsFrom > 0) {
        await this.#prefillFirstToken(sequence, part);
      } else {
        // Logits of at least one row: the graph's head never runs on an empty matrix.
        const from = Math.min(Math.max(0, logitsFrom - at), size - 1);
        const { logits } = await this.#run(sequence, part, from);
        if (at + from >= logitsFrom) options.onLogits?.(at + from, logits);
        last = logits;
      }
      at += size;
    }
    return last === null ? null : last.subarray(last.length - this.model.config.vocabSize);
  }

  /** Appends one token; returns the logits after it, [vocabSize]; the engine's next step may overwrite them. */
  async step(sequence: Sequence, token: number): Promise<Float32Array> {
    const { cache } = sequence;
    if (cache.length + 1 > cache.capacity) {
      const wanted = Math.min(sequence.maxLength, Math.ceil(cache.capacity * 1.5));
      sequence.cache = this.#pool.grow(cache, Math.max(cache.length + 1, wanted));
    }
    return (await this.#run(sequence, [token], 0, true)).logits;
  }

  async dispose(): Promise<void> {
    await this.#session.release();
  }

  /** Position 0 attends to itself only, so its rows depend on nothing but level and token: remembered. */
  async #prefillFirstToken(sequence: Sequence, part: readonly number[]): Promise<void> {
    const key = `${this.level}:${part[0]}`;
    const known = this.#firstTokenRows.get(key);
    if (known !== undefined) {
      sequence.cache.append(known, 1, this.#current.engineLevel.attentionOn);
      return;
    }
    const { delta } = await this.#run(sequence, part, 0);
    const oldest = this.#firstTokenRows.keys().next().value;
    if (this.#firstTokenRows.size >= FIRST_TOKEN_ROWS && oldest !== undefined)
      this.#firstTokenRows.delete(oldest);
    this.#firstTokenRows.set(key, delta);
  }

  async #run(
    sequence: Sequence,
    tokens: readonly number[],
    logitsStart: number,
    decoding = false,
  ): Promise<{ logits: Float32Array; delta: Float32Array }> {
    const { cache } = sequence;
    const total = cache.length + tokens.length;
    if (total > cache.capacity) throw new Error(`${total} tokens exceed the KV capacity ${cache.capacity}`);
    const feeds: Record<string, Tensor> = {
      [GRAPH.inputIds]: new Tensor('int64', BigInt64Array.from(tokens, BigInt), [1, tokens.length]),
      [GRAPH.seqlensK]: new Tensor('int32', Int32Array.of(total - 1), [1]),
      [GRAPH.totalLength]: new Tensor('int32', Int32Array.of(total), []),
      [GRAPH.logitsStart]: new Tensor('int64', BigInt64Array.of(BigInt(logitsStart)), [1]),
    };
    for (const [name, tensor] of this.#current.feeds) feeds[name] = tensor;
    for (const [a, key] of cache.keys.entries()) {
      feeds[pastKeyName(a)] = key;
      feeds[pastValueName(a)] = cache.values[a] as Tensor;
    }
    const given =
      decoding && this.#givesOutputs && this.#decoded?.level === this.level ? this.#decoded.outputs : null;
    const outputs = await (given === null ? this.#session.run(feeds) : this.#session.run(feeds, given));
    // Bungee's binding returns the tensors that it was given. npm's copies them into new ones, which costs more than
    // letting it make them (docs/decisions/0071-a-binding-of-our-own.md).
    if (given !== null && outputs[GRAPH.logits] !== given[GRAPH.logits]) this.#givesOutputs = false;
    if (decoding) this.#decoded = { level: this.level, outputs };
    const logits = outputs[GRAPH.logits]?.data;
    const delta = outputs[GRAPH.kvDelta]?.data;
    if (!(logits instanceof Float32Array) || !(delta instanceof Float32Array))
      throw new Error('the graph did not return float32 logits and kv_delta');
    cache.append(delta, tokens.length, this.#current.engineLevel.attentionOn);
    return { logits, delta };
  }
}

/** The inputs that tell levels apart: gates, and the adapter's matrices where the bundle has adapters. */
function levelFeeds(
  model: EngineModel,
  { level, gates }: EngineLevel,
  gated: boolean,
  adapters: EngineAdapters | null,
): (readonly [string, Tensor])[] {
  const feeds: (readonly [string, Tensor])[] = [];
  if (gated) feeds.push([GRAPH.segmentsOn, new Tensor('int64', gates, [gates.length])]);
  if (adapters === null) return feeds;
  const parameters = adapters.parameters.get(level) ?? null;
  for (const { name, dims, data } of adapterInputs(model.config, adapters.shape, parameters))
    feeds.push([name, new Tensor('float32', data, dims)]);
  return feeds;
}
