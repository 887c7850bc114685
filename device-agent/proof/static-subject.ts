import { join } from 'node:path';
import { Tensor } from 'onnxruntime-node';
import type { BundleStaticPrefill } from '../../core/bundle-manifest.ts';
import { FULL_LEVEL } from '../../core/level.ts';
import { seededRandom } from '../../core/random.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { ExecutionProvider } from '../../core/runtime-pack.ts';
import { EMBEDDING_GRAPH, STATIC_GRAPH } from '../../core/static-prefill.ts';
import type { ElasticEngine, Sequence } from '../engine/elastic-engine.ts';
import { firstLine, openSession } from '../engine/open-session.ts';
import { staticRules } from '../engine/static/static-rules.ts';
import { chunkFeeds, pastBuffer, readStaticGraph } from '../engine/static/static-session.ts';
import type { OpenCommand } from '../host/worker-protocol.ts';
import type { LogitRows } from './compare-outputs.ts';
import type { ProofGraph } from './proof-runtime.ts';

/** Rows before the chunk, fewer than the graph has room for: the mask has to hide the others. */
const PAST_TOKENS = 40;
/** Tokens decoded behind the chunk, for the logits that follow from its keys and values. */
const STEPS = 8;

/**
 * The bundle's static prefill at the full level in the shapes that a provider serves: one whole chunk behind a short
 * past. Its output is keys and values; the engine decodes on from them, as it does while serving.
 *
 * Failures: those of readStaticGraph and openSession, `proof-run`.
 */
export async function staticSubject(
  engine: ElasticEngine,
  { bundleDir, manifest }: OpenCommand,
  graphs: BundleStaticPrefill,
  provider: ExecutionProvider,
): Promise<Result<ProofGraph>> {
  const { chunk, pastBuckets } = staticRules(provider);
  const shape = { chunk, past: pastBuckets.at(-1) ?? null };
  const graph = await readStaticGraph(bundleDir, manifest, FULL_LEVEL, shape);
  if (!graph.ok) return graph;
  const { layers, model, options } = graph.value;
  const random = seededRandom(chunk);
  const token = (): number => Math.floor(random() * manifest.model.vocabSize);
  const past = Array.from({ length: PAST_TOKENS }, token);
  const steps = Array.from({ length: STEPS }, token);
  const rows = await embeddingRows(join(bundleDir, graphs.embedding), Array.from({ length: chunk }, token));
  if (!rows.ok) return rows;
  const feeds = await withPast(engine, past, chunk, ({ cache }) => {
    const buffer = pastBuffer(manifest, layers, shape.past ?? cache.length);
    return Promise.resolve(chunkFeeds(manifest, layers, shape, rows.value, cache, buffer));
  });
  return ok({
    words: `static prefill of level ${FULL_LEVEL}, ${chunk} tokens behind ${shape.past ?? PAST_TOKENS} rows`,
    model,
    options,
    feeds,
    output: STATIC_GRAPH.kvDelta,
    logitsOf: (delta) =>
      withPast(engine, past, chunk, async (sequence): Promise<LogitRows> => {
        const { cache } = sequence;
        cache.append(
          delta,
          chunk,
          cache.keys.map(() => true),
        );
        const width = manifest.model.vocabSize;
        const values = new Float32Array(STEPS * width);
        for (const [i, each] of steps.entries()) values.set(await engine.step(sequence, each), i * width);
        return { values, width };
      }),
  });
}

/** A sequence of the engine with `past` prefilled and room for the chunk and the steps, for as long as `use` takes. */
async function withPast<T>(
  engine: ElasticEngine,
  past: readonly number[],
  chunk: number,
  use: (sequence: Sequence) => Promise<T>,
): Promise<T> {
  engine.setLevel(FULL_LEVEL);
  const sequence = engine.open(past.length + chunk, STEPS);
  try {
    await engine.prefill(sequence, past);
    return await use(sequence);
  } finally {
    engine.close(sequence);
  }
}

async function embeddingRows(graphFile: string, tokens: readonly number[]): Promise<Result<Float32Array>> {
  const opened = await openSession(graphFile, 1);
  if (!opened.ok) return opened;
  const session = opened.value;
  try {
    const ids = new Tensor('int32', Int32Array.from(tokens), [tokens.length]);
    const rows = (await session.run({ [EMBEDDING_GRAPH.ids]: ids }))[EMBEDDING_GRAPH.rows]?.data;
    return rows instanceof Float32Array
      ? ok(rows)
      : fail('proof-run', 'The embedding graph gives no float rows.');
  } catch (error) {
    return fail('proof-run', `The embedding graph does not run: ${firstLine(error)}.`);
  } finally {
    await session.release();
  }
}
