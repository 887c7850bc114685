import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TraceClock } from '../../electron/runs/trace-clock.ts';

test('the trace clock never jumps when the speed changes', () => {
  const step = fc.record({
    waitMs: fc.integer({ min: 0, max: 1000 }),
    speed: fc.double({ min: 0.01, max: 100, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const clock = new TraceClock(0);
      let realMs = 0;
      let expected = 0;
      let speed = 1;
      for (const change of steps) {
        realMs += change.waitMs;
        expected += change.waitMs * speed;
        expect(clock.now(realMs)).toBeCloseTo(expected, 3);
        speed = change.speed;
        clock.setSpeed(speed, realMs);
        const ahead = clock.realDelayUntil(expected + 100, realMs);
        expect(clock.now(realMs + ahead)).toBeCloseTo(expected + 100, 3);
      }
    }),
  );
});
