import { join } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import type { BundleManifest } from '../../core/bundle-manifest.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { ElasticEngine } from './elastic-engine.ts';
import { modelOfManifest, type EngineModel } from './engine-model.ts';
import { loadAdapters, type EngineAdapters } from './load-adapters.ts';
import { defaultThreads, firstLine, openSession } from './open-session.ts';
import { readManifest } from './verify-bundle.ts';

export type SegmentForm = 'zero-row' | 'conditional';

export interface OpenedEngine {
  readonly engine: ElasticEngine;
  readonly segmentForm: SegmentForm;
  /** Why the conditional graph was taken instead of the zero-row one; null = it was not. */
  readonly fallback: string | null;
}

export interface OpenEngineOptions {
  readonly bundleDir: string;
  /** Default: all cores. */
  readonly threads?: number;
  /** Default `auto`: zero-row, unless the runtime refuses it. */
  readonly segmentForm?: SegmentForm | 'auto';
}

/**
 * Opens a bundle's engine in this thread, without checking hashes. Failures: those of readManifest and
 * loadAdapters, `graph-rejected`, `engine-self-check`.
 */
export async function openEngine(options: OpenEngineOptions): Promise<Result<OpenedEngine>> {
  const manifest = await readManifest(options.bundleDir);
  return manifest.ok ? openBundleEngine(options.bundleDir, manifest.value, options) : manifest;
}

export async function openBundleEngine(
  bundleDir: string,
  manifest: BundleManifest,
  options: Pick<OpenEngineOptions, 'threads' | 'segmentForm'>,
): Promise<Result<OpenedEngine>> {
  const threads = options.threads ?? defaultThreads();
  const model = modelOfManifest(manifest);
  const adapters = await loadAdapters(bundleDir, manifest);
  if (!adapters.ok) return adapters;
  const open = (form: SegmentForm): Promise<Result<ElasticEngine>> =>
    openChecked(
      join(bundleDir, form === 'zero-row' ? manifest.graph.zeroRow : manifest.graph.conditional),
      model,
      adapters.value,
      threads,
    );
  const wanted = options.segmentForm ?? 'auto';
  const first = await open(wanted === 'auto' ? 'zero-row' : wanted);
  if (first.ok)
    return ok({ engine: first.value, segmentForm: wanted === 'auto' ? 'zero-row' : wanted, fallback: null });
  if (wanted !== 'auto') return first;
  const second = await open('conditional');
  return second.ok
    ? ok({ engine: second.value, segmentForm: 'conditional', fallback: first.failure.message })
    : second;
}

async function openChecked(
  graphFile: string,
  model: EngineModel,
  adapters: EngineAdapters | null,
  threads: number,
): Promise<Result<ElasticEngine>> {
  const session = await openSession(graphFile, threads);
  if (!session.ok) return session;
  const engine = new ElasticEngine(session.value, model, adapters);
  const checked = await selfCheck(engine, graphFile, session.value);
  if (checked.ok) return ok(engine);
  await engine.dispose();
  return checked;
}

/**
 * Runs one and eight tokens at the lowest level, where most segments are off, and at the full one, where no
 * adapter is on: empty matrices fail here.
 */
async function selfCheck(
  engine: ElasticEngine,
  graphFile: string,
  session: InferenceSession,
): Promise<Result<null>> {
  const missing = ['input_ids', 'seqlens_k', 'total_length', 'logits_start', 'past.0.key'].filter(
    (name) => !session.inputNames.includes(name),
  );
  const remedy = 'Push the bundle again; if it persists, try --segment-form conditional.';
  if (missing.length > 0)
    return fail('engine-self-check', `${graphFile} has no input ${missing.join(', ')}.`, remedy);
  const [lowest] = engine.levels;
  const highest = engine.level;
  const runs = [lowest ?? highest, highest].flatMap((level) => [1, 8].map((tokens) => ({ level, tokens })));
  try {
    for (const { level, tokens } of runs) {
      engine.setLevel(level);
      const sequence = engine.open(tokens, 1);
      const prompt = Array.from({ length: tokens }, (_, i) => i % engine.model.config.vocabSize);
      const logits = await engine.prefill(sequence, prompt, { logitsFrom: 0 });
      const next = await engine.step(sequence, 0);
      engine.close(sequence);
      if (logits === null || !logits.every(Number.isFinite) || !next.every(Number.isFinite))
        return fail('engine-self-check', `${graphFile} computes values that are not finite.`, remedy);
    }
  } catch (error) {
    return fail('engine-self-check', `${graphFile} does not run: ${firstLine(error)}.`, remedy);
  } finally {
    engine.setLevel(highest);
  }
  return ok(null);
}
