import { expect, test } from 'vitest';
import { TpotWatch } from '../../device-agent/orchestrator/tpot-watch.ts';

/** Tokens (counted from 1) after which the watch says to lower. */
function loweredAfter(boundMs: number, maxTokens: number, gapsMs: readonly number[]): number[] {
  const watch = new TpotWatch(boundMs, maxTokens);
  let atMs = 1000;
  return [0, ...gapsMs].flatMap((gapMs, i) => {
    atMs += gapMs;
    return watch.onToken(atMs) === 'lower' ? [i + 1] : [];
  });
}
const times = (n: number, gapMs: number): number[] => Array.from({ length: n }, () => gapMs);

test.each<[string, number[], number[]]>([
  ['within the bound: never', times(19, 10), []],
  ['twice the bound: after three gaps, and again three gaps after each lowering', times(11, 20), [4, 8, 12]],
  ['one slow gap that the rest makes up for', [40, ...times(18, 8)], []],
  [
    'over the bound from the middle on: once the mean is over it',
    [...times(10, 9), ...times(9, 14)],
    [14, 18],
  ],
  ['the last token: nothing is left to lower', times(19, 10.1).slice(0, 2), []],
])('%s', (_name, gapsMs, expected) => {
  expect(loweredAfter(10, 20, gapsMs)).toEqual(expected);
});

test('a lowering that was enough is the only one', () => {
  expect(loweredAfter(10, 40, [...times(3, 20), ...times(36, 5)])).toEqual([4]);
});

test('a single token has no TPOT to watch', () => {
  expect(loweredAfter(1, 1, [])).toEqual([]);
});
