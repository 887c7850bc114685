import type { Level } from '../../core/level.ts';
import { encodeChange } from './change-blocks.ts';

/** What the closed form makes of a model. */
export interface Compensation {
  /** Per layer: change of `down` in 4-bit blocks (`change-blocks.ts`), [ffn, hidden] in the order of the units. */
  readonly down: readonly Uint8Array[];
  /** Per level and layer: what is then still missing on average, [hidden]. */
  readonly bias: ReadonlyMap<Level, readonly Float32Array[]>;
}

/** `change`: of a layer's `down`, as its blocks hold it; `bias LEVEL`: each level's with it. */
export type LayerSolution = Record<string, Float32Array>;

/** What is kept of a layer: in 4 bits, where its solution takes 32. */
export interface SolvedLayer {
  readonly down: Uint8Array;
  /** As the levels are listed. */
  readonly bias: readonly Float32Array[];
}

export function inBlocks(made: LayerSolution, levels: readonly Level[]): SolvedLayer {
  return {
    down: encodeChange(made['change'] as Float32Array),
    bias: levels.map((level) => made[`bias ${level}`] as Float32Array),
  };
}

/** All layers, or null where one is still to be solved. */
export function finishedLayers(
  savedOf: (layer: number) => LayerSolution | undefined,
  layers: number,
  levels: readonly Level[],
): SolvedLayer[] | null {
  const finished: SolvedLayer[] = [];
  for (let layer = 0; layer < layers; layer++) {
    const saved = savedOf(layer);
    if (saved === undefined) return null;
    finished.push(inBlocks(saved, levels));
  }
  return finished;
}

export function compensationOf(solved: readonly SolvedLayer[], levels: readonly Level[]): Compensation {
  return {
    down: solved.map(({ down }) => down),
    bias: new Map(levels.map((level, i) => [level, solved.map(({ bias }) => bias[i] as Float32Array)])),
  };
}
