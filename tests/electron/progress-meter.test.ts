import { expect, test } from 'vitest';
import { ProgressMeter } from '../../electron/push/progress-meter.ts';

test('push progress is throttled, never runs backwards, and its rate is that of the last seconds', () => {
  let now = 0;
  const seen: { bytesDone: number; bytesPerSecond: number | null; etaMs: number | null }[] = [];
  const meter = new ProgressMeter(
    'x',
    (progress) => seen.push(progress),
    () => now,
  );
  meter.phase('pushing', { bytesTotal: 2_000_000 });
  for (let bytes = 0; bytes <= 2_000_000; bytes += 1000) {
    now += bytes < 1_000_000 ? 10 : 1;
    meter.bytes(bytes);
  }
  expect(seen.length).toBeLessThan(115);
  expect(seen.map((p) => p.bytesDone)).toEqual(seen.map((p) => p.bytesDone).sort((a, b) => a - b));
  const slow = seen.find((p) => p.bytesDone > 900_000);
  expect(slow?.bytesPerSecond).toBeCloseTo(100_000, -4);
  expect(slow?.etaMs ?? 0).toBeGreaterThan(9000);
  expect(seen.at(-1)?.bytesPerSecond ?? 0).toBeGreaterThan(300_000);
});
