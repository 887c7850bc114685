import { InferenceSession } from 'onnxruntime-node';
import type { BundleManifest } from '../../../core/bundle-manifest.ts';
import { attentionSegments } from '../../../core/elastic-graph.ts';
import type { Level } from '../../../core/level.ts';
import { fail, ok, type Result } from '../../../core/result.ts';
import { STATIC_GRAPH, staticLayers, type StaticLayer } from '../../../core/static-prefill.ts';
import type { KvCache } from '../kv-cache.ts';
import { firstLine, sessionOptions } from '../open-session.ts';
import type { PlannedChunk } from './plan-chunks.ts';
import { chunkFeeds, pastBuffer, readStaticGraph } from './static-session.ts';

export interface LoadOptions {
  readonly bundleDir: string;
  readonly manifest: BundleManifest;
  readonly chunk: number;
  readonly pastBuckets: readonly number[];
  readonly providers: readonly InferenceSession.ExecutionProviderConfig[];
  readonly threads: number;
}

interface ShapedSession {
  readonly session: InferenceSession;
  /** Room for the past's rows; null where their number is not fixed. */
  readonly buffer: Float32Array | null;
}

/** One level's sessions, one per number of past rows; each holds the level's weights in float32. */
export class LoadedLevel {
  /** What the process grew by while it was loaded; other work of the process counts too. */
  readonly grewByBytes: number;
  readonly #manifest: BundleManifest;
  readonly #chunk: number;
  readonly #layers: readonly StaticLayer[];
  readonly #on: readonly boolean[];
  /** By rows of the past. */
  readonly #sessions: ReadonlyMap<number | null, ShapedSession>;

  private constructor(
    options: LoadOptions,
    layers: readonly StaticLayer[],
    sessions: ReadonlyMap<number | null, ShapedSession>,
    grewByBytes: number,
  ) {
    this.#manifest = options.manifest;
    this.#chunk = options.chunk;
    this.#layers = layers;
    const places = new Set(layers.flatMap((layer) => layer.places));
    this.#on = attentionSegments(options.manifest.segments).map((_, place) => places.has(place));
    this.#sessions = sessions;
    this.grewByBytes = grewByBytes;
  }

  /** Failures: those of {@link readStaticGraph}, `graph-rejected`. */
  static async load(options: LoadOptions, level: Level): Promise<Result<LoadedLevel>> {
    const { manifest, pastBuckets } = options;
    const before = process.memoryUsage.rss();
    const prefix = manifest.levels.find((entry) => entry.level === level)?.prefix ?? 0;
    const layers = staticLayers(manifest, prefix);
    const sessions = new Map<number | null, ShapedSession>();
    for (const past of pastBuckets.length === 0 ? [null] : pastBuckets) {
      const session = await openShape(options, level, past);
      if (!session.ok) {
        for (const other of sessions.values()) await other.session.release();
        return session;
      }
      const buffer = past === null ? null : pastBuffer(manifest, layers, past);
      sessions.set(past, { session: session.value, buffer });
    }
    return ok(new LoadedLevel(options, layers, sessions, process.memoryUsage.rss() - before));
  }

  /** Runs one chunk behind the cache's rows and appends its own. Throws when the runtime does. */
  async run(cache: KvCache, { tokens, past }: PlannedChunk, rows: Float32Array): Promise<void> {
    const shaped = this.#sessions.get(past);
    if (shaped === undefined) throw new Error(`no session for ${past} rows of the past`);
    const shape = { chunk: this.#chunk, past };
    const feeds = chunkFeeds(this.#manifest, this.#layers, shape, rows, cache, shaped.buffer);
    const delta = (await shaped.session.run(feeds))[STATIC_GRAPH.kvDelta]?.data;
    if (!(delta instanceof Float32Array))
      throw new Error('the static graph did not return a float32 kv_delta');
    cache.append(delta, tokens, this.#on, this.#chunk);
  }

  async release(): Promise<void> {
    for (const { session } of this.#sessions.values()) await session.release();
  }
}

async function openShape(
  { bundleDir, manifest, chunk, providers, threads }: LoadOptions,
  level: Level,
  past: number | null,
): Promise<Result<InferenceSession>> {
  const graph = await readStaticGraph(bundleDir, manifest, level, { chunk, past });
  if (!graph.ok) return graph;
  const { model, options } = graph.value;
  try {
    return ok(
      await InferenceSession.create(model, {
        ...sessionOptions(threads),
        ...options,
        executionProviders: [...providers],
      }),
    );
  } catch (error) {
    return fail('graph-rejected', `The static graph of level ${level} does not open: ${firstLine(error)}.`);
  }
}
