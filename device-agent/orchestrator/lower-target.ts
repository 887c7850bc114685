import type { Level } from '../../core/level.ts';
import { checkLowering, type EngineLevel } from '../engine/engine-model.ts';

/**
 * For each level the next lower one that decoding may go on at: levels between that keep other attention segments are
 * passed over.
 *
 * @param levels ascending
 */
export function lowerTargets(levels: readonly EngineLevel[]): (from: Level) => Level | null {
  const targets = new Map(
    levels.map((from, i) => {
      const to = levels.slice(0, i).findLast((candidate) => checkLowering(from, candidate).ok);
      return [from.level, to?.level ?? null];
    }),
  );
  return (from) => targets.get(from) ?? null;
}
