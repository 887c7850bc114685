import { join } from 'node:path';
import { Tensor, type InferenceSession } from 'onnxruntime-node';
import type { Level } from '../../../core/level.ts';
import { fail, ok, type Failure, type Result } from '../../../core/result.ts';
import type { ExecutionProvider } from '../../../core/runtime-pack.ts';
import { EMBEDDING_GRAPH } from '../../../core/static-prefill.ts';
import type { KvCache } from '../kv-cache.ts';
import { firstLine, openSession } from '../open-session.ts';
import { LoadedLevel, type LoadOptions } from './loaded-level.ts';
import { planChunks, type ChunkRules } from './plan-chunks.ts';
import { ResidentLevels } from './resident-levels.ts';

export interface StaticPrefillOptions extends LoadOptions, ChunkRules {
  /** What `providers` are for; names figures. */
  readonly provider: ExecutionProvider;
  /** Levels that may be loaded at a time. */
  readonly places: number;
}

/** What was done of a prompt; the engine goes on behind it. */
export interface StaticOutcome {
  /** Tokens whose rows are in the cache now. */
  readonly tokens: number;
  /** Why no more: the runtime refused; told once, nothing is run here from then on. */
  readonly failure: Failure | null;
}

/** What is loaded. */
export interface StaticMemory {
  readonly level: Level;
  readonly grewByBytes: number;
}

/**
 * Prefill of whole chunks through static graphs, on whatever execution provider their sessions were given, into the
 * KV cache that the engine decodes from. A level that is not loaded is left to the engine; {@link catchUp} loads it
 * between requests, so that none waits for it.
 */
export class StaticPrefill {
  readonly #options: StaticPrefillOptions;
  readonly #embedding: InferenceSession;
  readonly #loaded = new Map<Level, LoadedLevel>();
  readonly #resident: ResidentLevels;
  #wished: Level | null = null;
  /** A request may come and go while a level is being loaded after the one before. */
  #loading = false;
  #failure: Failure | null = null;

  private constructor(options: StaticPrefillOptions, embedding: InferenceSession) {
    this.#options = options;
    this.#embedding = embedding;
    this.#resident = new ResidentLevels(options.places);
  }

  /** Loads no level yet. Failures: `static-graph-missing`, `graph-rejected`. */
  static async open(options: StaticPrefillOptions): Promise<Result<StaticPrefill>> {
    const { bundleDir, manifest } = options;
    if (manifest.staticPrefill === undefined)
      return fail(
        'static-graph-missing',
        'This bundle has no static prefill graphs.',
        'Make the bundle again with this version; until then the CPU prefills.',
      );
    const session = await openSession(join(bundleDir, manifest.staticPrefill.embedding), 1);
    return session.ok ? ok(new StaticPrefill(options, session.value)) : session;
  }

  /** Something went wrong: nothing is run here any more, and it may be disposed. */
  get failed(): boolean {
    return this.#failure !== null;
  }

  get provider(): ExecutionProvider {
    return this.#options.provider;
  }

  /** Loads a level, in the place of the least wanted one where all are taken. Failures: those of `LoadedLevel.load`. */
  async load(level: Level): Promise<Result<null>> {
    const change = this.#resident.change(level, true);
    if (change === null) return ok(null);
    if (change.evict !== null) await this.#evict(change.evict);
    const loaded = await LoadedLevel.load(this.#options, level);
    if (!loaded.ok) return loaded;
    this.#loaded.set(level, loaded.value);
    this.#resident.add(level);
    return ok(null);
  }

  /**
   * Runs as much of the prompt as whole chunks cover; the cache must be empty and have room for it.
   *
   * @param cancelled looked at between chunks.
   */
  async prefill(
    cache: KvCache,
    level: Level,
    tokens: readonly number[],
    cancelled: () => boolean = () => false,
  ): Promise<StaticOutcome> {
    if (this.#failure !== null) return { tokens: 0, failure: null };
    this.#resident.wish(level);
    const loaded = this.#loaded.get(level);
    if (loaded === undefined) {
      this.#wished = level;
      return { tokens: 0, failure: null };
    }
    try {
      for (const chunk of planChunks(tokens.length, this.#options)) {
        if (cancelled()) break;
        await loaded.run(cache, chunk, await this.#rows(tokens.slice(chunk.at, chunk.at + chunk.tokens)));
      }
      return { tokens: cache.length, failure: null };
    } catch (error) {
      const message = `Static prefill of level ${level} failed: ${firstLine(error)}.`;
      this.#failure = { code: 'static-run', message };
      return { tokens: cache.length, failure: this.#failure };
    }
  }

  /**
   * Loads the level that the last request missed, if it is wanted often enough. Failures: those of {@link load};
   * nothing is run from then on.
   */
  async catchUp(): Promise<Result<null>> {
    const level = this.#wished;
    this.#wished = null;
    if (level === null || this.#loading || this.#resident.change(level) === null) return ok(null);
    this.#loading = true;
    try {
      const loaded = await this.load(level);
      if (!loaded.ok) this.#failure = loaded.failure;
      return loaded;
    } finally {
      this.#loading = false;
    }
  }

  /** Levels that are loaded. */
  get memory(): StaticMemory[] {
    return [...this.#loaded].map(([level, { grewByBytes }]) => ({ level, grewByBytes }));
  }

  async dispose(): Promise<void> {
    for (const level of [...this.#loaded.keys()]) await this.#evict(level);
    await this.#embedding.release();
  }

  /** From here on the level is not run any more, also while its sessions end. */
  async #evict(level: Level): Promise<void> {
    const loaded = this.#loaded.get(level);
    this.#loaded.delete(level);
    this.#resident.remove(level);
    await loaded?.release();
  }

  /** Embedding rows of a chunk; its last token fills it up, because rows of zeros have no norm. */
  async #rows(tokens: readonly number[]): Promise<Float32Array> {
    const { chunk } = this.#options;
    const ids = new Int32Array(chunk).fill(tokens.at(-1) ?? 0);
    ids.set(tokens);
    const outputs = await this.#embedding.run({ [EMBEDDING_GRAPH.ids]: new Tensor('int32', ids, [chunk]) });
    const rows = outputs[EMBEDDING_GRAPH.rows]?.data;
    if (!(rows instanceof Float32Array)) throw new Error('the embedding graph did not return float32 rows');
    return rows;
  }
}
