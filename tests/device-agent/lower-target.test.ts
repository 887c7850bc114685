import { expect, test } from 'vitest';
import type { Level } from '../../core/level.ts';
import { lowerTargets } from '../../device-agent/orchestrator/lower-target.ts';

const level = (name: Level, ...attentionOn: boolean[]): Parameters<typeof lowerTargets>[0][number] => ({
  level: name,
  gates: new BigInt64Array(),
  attentionOn,
});

test('the next lower level with the same attention; others between are passed over', () => {
  const target = lowerTargets([
    level(40, true, false),
    level(60, false, true),
    level(80, true, false),
    level(100, true, true),
  ]);
  expect(([40, 60, 80, 100] as const).map(target)).toEqual([null, null, 40, null]);
});
