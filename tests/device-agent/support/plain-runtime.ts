import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { adapterInputs } from '../../../core/adapter-inputs.ts';
import type { BundleManifest } from '../../../core/bundle-manifest.ts';
import { attentionSegments, gatedSegments, segmentsOnAt } from '../../../core/elastic-graph.ts';
import type { Level } from '../../../core/level.ts';
import { readAdapters } from '../../../offline/bundle/adapters-file.ts';

/**
 * The bundle's graph by plain onnxruntime calls: the whole sequence in one run, no cache, no chunks. What the
 * engine's output is compared with.
 */
export interface PlainRuntime {
  /** Logits of every position, one array of [vocabSize] each. */
  logits(tokens: readonly number[], level: Level): Promise<Float32Array[]>;
  /** Greedy continuation that runs the whole sequence again for each token. */
  greedy(tokens: readonly number[], level: Level, count: number): Promise<number[]>;
  close(): Promise<void>;
}

export async function openPlainRuntime(dir: string, manifest: BundleManifest): Promise<PlainRuntime> {
  const session = await InferenceSession.create(join(dir, manifest.graph.zeroRow), { intraOpNumThreads: 1 });
  const { vocabSize, headDim } = manifest.model;
  const gated = gatedSegments(manifest);
  const { recovery } = manifest;
  const adapters = recovery === undefined ? [] : readAdapters(join(dir, recovery.file), recovery.levels);

  const logits = async (tokens: readonly number[], level: Level): Promise<Float32Array[]> => {
    const count = tokens.length;
    const prefix = manifest.levels.find((each) => each.level === level)?.prefix ?? 0;
    const on = segmentsOnAt(manifest, prefix);
    const feeds: Record<string, Tensor> = {
      input_ids: new Tensor('int64', BigInt64Array.from(tokens, BigInt), [1, count]),
      segments_on: new Tensor(
        'int64',
        BigInt64Array.from(gated, (i) => (on[i] === true ? 1n : 0n)),
        [gated.length],
      ),
      seqlens_k: new Tensor('int32', Int32Array.of(count - 1), [1]),
      total_length: new Tensor('int32', Int32Array.of(count), []),
      logits_start: new Tensor('int64', BigInt64Array.of(0n), [1]),
    };
    for (const [a, index] of attentionSegments(manifest.segments).entries()) {
      const groups = manifest.segments[index]?.units ?? 0;
      for (const name of [`past.${a}.key`, `past.${a}.value`])
        feeds[name] = new Tensor('float32', new Float32Array(groups * count * headDim), [
          1,
          groups,
          count,
          headDim,
        ]);
    }
    const parameters = adapters.find((adapter) => adapter.level === level)?.parameters ?? null;
    const inputs = recovery === undefined ? [] : adapterInputs(manifest.model, recovery, parameters);
    for (const { name, dims, data } of inputs) feeds[name] = new Tensor('float32', data, dims);
    const outputs = await session.run(feeds);
    const all = outputs['logits']?.data as Float32Array;
    return tokens.map((_, i) => all.slice(i * vocabSize, (i + 1) * vocabSize));
  };

  return {
    logits,
    async greedy(tokens, level, count) {
      const sequence = [...tokens];
      for (let i = 0; i < count; i++) {
        const last = (await logits(sequence, level)).at(-1) ?? new Float32Array();
        sequence.push(last.indexOf(Math.max(...last)));
      }
      return sequence.slice(tokens.length);
    },
    close: () => session.release(),
  };
}

/** Largest absolute difference of two equally long arrays. */
export function maxDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (b[i] ?? Number.NaN))), 0);
}
