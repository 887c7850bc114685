import type { BundleManifest } from '../../core/bundle-manifest.ts';
import { attentionSegments, gatedSegments, segmentsOnAt } from '../../core/elastic-graph.ts';
import type { Level } from '../../core/level.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import { fail, ok, type Result } from '../../core/result.ts';

/** What the engine must know of a model besides its graph. */
export interface EngineModel {
  readonly config: ModelConfig;
  readonly segments: BundleManifest['segments'];
  readonly ranking: readonly number[];
  readonly alwaysOn: number;
  readonly levels: readonly { readonly level: Level; readonly prefix: number }[];
  /** Prefill the first token by itself (see the manifest). */
  readonly firstTokenAlone: boolean;
}

/** One level, ready to be fed: a switch only picks another of these. */
export interface EngineLevel {
  readonly level: Level;
  /** Value of the `segments_on` input. */
  readonly gates: BigInt64Array;
  /** For each attention segment, in graph order, whether it is on. */
  readonly attentionOn: readonly boolean[];
}

export function modelOfManifest(manifest: BundleManifest): EngineModel {
  const { segments, ranking, alwaysOn, levels } = manifest;
  return {
    config: manifest.model,
    segments,
    ranking,
    alwaysOn,
    levels,
    firstTokenAlone: manifest.graph.firstTokenAlone,
  };
}

export function levelsOf(model: EngineModel): EngineLevel[] {
  const layout = { segments: [...model.segments], ranking: [...model.ranking], alwaysOn: model.alwaysOn };
  const gated = gatedSegments(layout);
  const attention = attentionSegments(layout.segments);
  return model.levels.map(({ level, prefix }) => {
    const on = segmentsOnAt(layout, prefix);
    return {
      level,
      gates: BigInt64Array.from(gated, (index) => (on[index] === true ? 1n : 0n)),
      attentionOn: attention.map((index) => on[index] === true),
    };
  });
}

/**
 * Whether decoding may continue at `to` on a KV cache filled at `from`: only downwards and only when the
 * same attention segments are on, so that the cache keeps its shape. Failure `level-not-lowerable`.
 */
export function checkLowering(from: EngineLevel, to: EngineLevel): Result<null> {
  if (to.level > from.level)
    return fail(
      'level-not-lowerable',
      `Level ${from.level} cannot rise to ${to.level} inside a request: the prompt would have to be prefilled again.`,
    );
  const sameAttention = to.attentionOn.every((on, index) => on === from.attentionOn[index]);
  return sameAttention
    ? ok(null)
    : fail(
        'level-not-lowerable',
        `Levels ${from.level} and ${to.level} keep different attention segments, so their KV caches differ.`,
        'Choose a level that differs in MLP segments only, or let the next request use it.',
      );
}
