import type { Strategy } from '../../core/strategy.ts';

/** `p×m` on the colour of its level. */
export function LevelChip({ strategy }: { readonly strategy: Strategy }) {
  const { promptLevel, modelLevel } = strategy;
  return (
    <span className={`level-chip level-${modelLevel}`}>
      {Math.round(promptLevel * 100)}×{modelLevel}
    </span>
  );
}
