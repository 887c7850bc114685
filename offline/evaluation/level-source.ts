import * as ort from 'onnxruntime-node';
import type { AdapterInput } from '../../core/adapter-inputs.ts';
import type { BundleManifest } from '../../core/bundle-manifest.ts';
import { attentionSegments, gatedSegments, GRAPH, segmentsOnAt } from '../../core/elastic-graph.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import type { Feeds } from '../graph/model-feeds.ts';
import { LevelCache, type AttentionState } from './level-cache.ts';
import type { LogitsSource, OpenPrefix } from './logits-source.ts';

/** Tokens per run, as the engine prefills: int8 takes one activation scale per run, so the figure depends on it. */
export const RUN_TOKENS = 256;

type Layout = Pick<BundleManifest, 'segments' | 'ranking' | 'alwaysOn'>;

export interface LevelModel extends Layout {
  readonly config: ModelConfig;
  /** Run the first token by itself (see the manifest). */
  readonly firstTokenAlone: boolean;
}

/** One level of an elastic graph, as something that gives logits. Levels of a bundle share the session. */
export class LevelSource implements LogitsSource {
  readonly vocabSize: number;
  readonly #session: ort.InferenceSession;
  readonly #model: LevelModel;
  readonly #attention: readonly AttentionState[];
  readonly #levelFeeds: Feeds;

  /** @param adapter inputs of the level's recovery adapter; [] where the graph has none. */
  constructor(
    session: ort.InferenceSession,
    model: LevelModel,
    prefix: number,
    adapter: readonly AdapterInput[],
  ) {
    this.vocabSize = model.config.vocabSize;
    this.#session = session;
    this.#model = model;
    const on = segmentsOnAt(model, prefix);
    this.#attention = attentionSegments(model.segments).map((index) => ({
      kvGroups: model.segments[index]?.units ?? 0,
      on: on[index] === true,
    }));
    const gates = gatedSegments(model).map((index) => (on[index] === true ? 1n : 0n));
    this.#levelFeeds = {
      [GRAPH.segmentsOn]: new ort.Tensor('int64', BigInt64Array.from(gates), [gates.length]),
    };
    for (const { name, dims, data } of adapter)
      this.#levelFeeds[name] = new ort.Tensor('float32', data, dims);
  }

  readonly logits = async (ids: readonly number[], from = 0): Promise<Float32Array> => {
    const cache = this.#cache(ids.length);
    return this.#extend(cache, ids, from, false);
  };

  readonly openPrefix = async (ids: readonly number[], longestContinuation: number): Promise<OpenPrefix> => {
    const cache = this.#cache(ids.length + longestContinuation);
    const last = await this.#extend(cache, ids, ids.length - 1, true);
    return {
      last,
      continueWith: async (continuation) => {
        try {
          return await this.#extend(cache, continuation, 0, false);
        } finally {
          // What a continuation appended is not read again.
          cache.length = ids.length;
        }
      },
    };
  };

  #cache(capacity: number): LevelCache {
    return new LevelCache(this.#attention, this.#model.config.headDim, capacity);
  }

  /**
   * Runs `ids` after what the cache holds, in runs of at most {@link RUN_TOKENS}.
   *
   * @param keepLast also append the last run's rows: the sequence goes on.
   * @returns logits of the positions `from`.. of `ids`.
   */
  async #extend(
    cache: LevelCache,
    ids: readonly number[],
    from: number,
    keepLast: boolean,
  ): Promise<Float32Array> {
    const parts: Float32Array[] = [];
    for (let at = 0; at < ids.length;) {
      const alone = cache.length === 0 && this.#model.firstTokenAlone;
      const tokens = ids.slice(at, at + (alone ? 1 : RUN_TOKENS));
      // The head never runs on an empty matrix: at least one row, which may then be left out.
      const start = Math.min(Math.max(0, from - at), tokens.length - 1);
      const keep = keepLast || at + tokens.length < ids.length;
      const logits = await this.#run(cache, tokens, start, keep);
      if (at + start >= from) parts.push(logits);
      at += tokens.length;
    }
    const [only] = parts;
    if (parts.length === 1 && only !== undefined) return only;
    const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let place = 0;
    for (const part of parts) {
      all.set(part, place);
      place += part.length;
    }
    return all;
  }

  async #run(
    cache: LevelCache,
    tokens: readonly number[],
    logitsStart: number,
    keep: boolean,
  ): Promise<Float32Array> {
    const total = cache.length + tokens.length;
    const feeds: Feeds = {
      ...this.#levelFeeds,
      ...cache.feeds(),
      [GRAPH.inputIds]: new ort.Tensor('int64', BigInt64Array.from(tokens, BigInt), [1, tokens.length]),
      [GRAPH.seqlensK]: new ort.Tensor('int32', Int32Array.of(total - 1), [1]),
      [GRAPH.totalLength]: new ort.Tensor('int32', Int32Array.of(total), []),
      [GRAPH.logitsStart]: new ort.Tensor('int64', BigInt64Array.of(BigInt(logitsStart)), [1]),
    };
    const outputs = await this.#session.run(feeds, keep ? [GRAPH.logits, GRAPH.kvDelta] : [GRAPH.logits]);
    if (keep) cache.append(outputs[GRAPH.kvDelta]?.data as Float32Array, tokens.length);
    return outputs[GRAPH.logits]?.data as Float32Array;
  }
}
