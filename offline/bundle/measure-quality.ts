import * as ort from 'onnxruntime-node';
import { adapterInputs } from '../../core/adapter-inputs.ts';
import type { BundleLevel } from '../../core/bundle-manifest.ts';
import { gatedSegments, GRAPH, segmentsOnAt } from '../../core/elastic-graph.ts';
import type { Level } from '../../core/level.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import type { AdapterShape, RuntimeSite } from '../../core/recovery-adapter.ts';
import { OFFLINE_SESSION, promptFeeds, type Feeds } from '../graph/model-feeds.ts';
import type { LevelPlan } from '../levels/level-plan.ts';
import type { LevelAdapter } from './adapters-file.ts';

/** Sum of negative log-likelihoods of `targets` under rows of logits. */
export function negativeLogLikelihood(
  logits: Float32Array,
  vocabSize: number,
  targets: readonly number[],
): number {
  let sum = 0;
  for (const [row, target] of targets.entries()) {
    const from = row * vocabSize;
    let largest = -Infinity;
    for (let i = from; i < from + vocabSize; i++)
      if ((logits[i] as number) > largest) largest = logits[i] as number;
    let mass = 0;
    for (let i = from; i < from + vocabSize; i++) mass += Math.exp((logits[i] as number) - largest);
    sum += Math.log(mass) + largest - (logits[from + target] as number);
  }
  return sum;
}

/** Segment switches of a level, in the order of the graph's input. */
export function switchesAt(plan: LevelPlan, prefix: number): number[] {
  const on = segmentsOnAt(plan, prefix);
  return gatedSegments(plan).map((segment) => (on[segment] === true ? 1 : 0));
}

/** Adapters of a variant's levels, as its graph wants them. */
export interface LevelAdapters {
  readonly shape: AdapterShape<RuntimeSite>;
  readonly levels: readonly LevelAdapter[];
}

/** What a graph is fed of one level's adapter; nothing where the bundle has none. */
export function adapterFeeds(config: ModelConfig, adapters: LevelAdapters | null, level: Level): Feeds {
  if (adapters === null) return {};
  const parameters = adapters.levels.find((entry) => entry.level === level)?.parameters ?? null;
  const inputs = adapterInputs(config, adapters.shape, parameters);
  return Object.fromEntries(
    inputs.map(({ name, dims, data }) => [name, new ort.Tensor('float32', data, dims)]),
  );
}

/**
 * Perplexity of every level over held-out windows, each predicted from its own first token on.
 *
 * @param onProgress 0..1; may throw to cancel.
 */
export async function measureQuality(
  graphPath: string,
  config: ModelConfig,
  plan: LevelPlan,
  windows: readonly (readonly number[])[],
  text: string,
  onProgress: (fraction: number) => void,
  adapters: LevelAdapters | null = null,
): Promise<BundleLevel[]> {
  const session = await ort.InferenceSession.create(graphPath, OFFLINE_SESSION);
  try {
    const measured: BundleLevel[] = [];
    for (const [i, level] of plan.levels.entries()) {
      const switches = switchesAt(plan, level.prefix);
      const adapter = adapterFeeds(config, adapters, level.level);
      let loss = 0;
      let tokens = 0;
      for (const window of windows) {
        const feeds = { ...promptFeeds(config, plan.segments, window, 0, switches), ...adapter };
        const result = await session.run(feeds, [GRAPH.logits]);
        const targets = window.slice(1);
        loss += negativeLogLikelihood(result[GRAPH.logits]?.data as Float32Array, config.vocabSize, targets);
        tokens += targets.length;
      }
      measured.push({ ...level, quality: { text, tokens, perplexity: Math.exp(loss / tokens) } });
      onProgress((i + 1) / plan.levels.length);
    }
    return measured;
  } finally {
    await session.release();
  }
}
