import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DeadlineQueue, MAX_UNBOUNDED_WAIT_MS } from '../../device-agent/orchestrator/deadline-queue.ts';

interface Entry {
  readonly arrivedAtMs: number;
  readonly deadlineMs: number | null;
}

function popAll(entries: readonly Entry[], nowMs: number): number[] {
  const queue = new DeadlineQueue<number>(64);
  for (const [item, entry] of entries.entries()) queue.push({ item, ...entry });
  return entries.map(() => queue.pop(nowMs)?.item ?? -1);
}

describe('DeadlineQueue', () => {
  test('serves the earliest deadline first and those without one in order of arrival', () => {
    const order = popAll(
      [
        { arrivedAtMs: 0, deadlineMs: null },
        { arrivedAtMs: 1, deadlineMs: 900 },
        { arrivedAtMs: 2, deadlineMs: 300 },
        { arrivedAtMs: 3, deadlineMs: null },
        { arrivedAtMs: 4, deadlineMs: 300 },
      ],
      10,
    );
    expect(order).toEqual([2, 4, 1, 0, 3]);
  });

  test('a request without a deadline goes first once it has waited long enough', () => {
    const queue = new DeadlineQueue<string>(8);
    queue.push({ item: 'patient', arrivedAtMs: 0, deadlineMs: null });
    for (let i = 0; i < 3; i++) queue.push({ item: 'urgent', arrivedAtMs: i, deadlineMs: 50 });
    expect(queue.pop(MAX_UNBOUNDED_WAIT_MS - 1)?.item).toBe('urgent');
    expect(queue.pop(MAX_UNBOUNDED_WAIT_MS)?.item).toBe('patient');
    expect(queue.pop(MAX_UNBOUNDED_WAIT_MS)?.item).toBe('urgent');
  });

  test('refuses when full, forgets removed ones, drains the rest', () => {
    const queue = new DeadlineQueue<string>(2);
    const entry = { arrivedAtMs: 0, deadlineMs: null };
    expect(queue.push({ item: 'a', ...entry })).toBe(true);
    expect(queue.push({ item: 'b', ...entry })).toBe(true);
    expect(queue.push({ item: 'c', ...entry })).toBe(false);
    expect(queue.remove('a')).toBe(true);
    expect(queue.remove('a')).toBe(false);
    expect(queue.length).toBe(1);
    expect(queue.drain().map(({ item }) => item)).toEqual(['b']);
    expect(queue.pop(0)).toBeUndefined();
  });

  test('every entry comes out exactly once, deadlines ascending', () => {
    const entry = fc.record({
      arrivedAtMs: fc.integer({ min: 0, max: 1000 }),
      deadlineMs: fc.option(fc.integer({ min: 0, max: 5000 })),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 40 }), (entries) => {
        const order = popAll(entries, 1000);
        expect([...order].sort((a, b) => a - b)).toEqual(entries.map((_, i) => i));
        const deadlines = order.map((i) => entries[i]?.deadlineMs ?? Number.POSITIVE_INFINITY);
        expect(deadlines).toEqual([...deadlines].sort((a, b) => a - b));
      }),
    );
  });
});
