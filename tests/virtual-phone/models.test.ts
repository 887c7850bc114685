import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { TokenBucket } from '../../virtual-phone/link/token-bucket.ts';
import { Battery } from '../../virtual-phone/profile/battery.ts';
import { DutyCycler } from '../../virtual-phone/profile/duty-cycler.ts';
import {
  DEFAULT_THERMAL,
  heldShare,
  restingTemperatures,
  stepTemperatures,
  thermalStatus,
} from '../../virtual-phone/profile/thermal-model.ts';

const load = fc.double({ min: 0, max: 1, noNaN: true });
const seconds = fc.double({ min: 0, max: 10_000, noNaN: true });

describe('the thermal model', () => {
  it('settles at ambient plus heat times resistance', () => {
    const settled = stepTemperatures(restingTemperatures(DEFAULT_THERMAL), 1, 1e6, DEFAULT_THERMAL);
    expect(settled.skinC).toBeCloseTo(25 + (5 + 2.8) * 5, 6);
    expect(settled.cpuC).toBeCloseTo(64 + 5 * 8, 6);
  });

  it('has covered 63 % of the way after one time constant', () => {
    const at = stepTemperatures(
      restingTemperatures(DEFAULT_THERMAL),
      1,
      DEFAULT_THERMAL.skinTimeConstantS,
      DEFAULT_THERMAL,
    );
    expect(at.skinC).toBeCloseTo(25 + 39 * (1 - Math.exp(-1)), 6);
  });

  it('gives the same case temperature in one step as in many', () => {
    fc.assert(
      fc.property(load, seconds, fc.integer({ min: 1, max: 20 }), (share, length, pieces) => {
        const start = restingTemperatures(DEFAULT_THERMAL);
        let small = start;
        for (let index = 0; index < pieces; index += 1)
          small = stepTemperatures(small, share, length / pieces, DEFAULT_THERMAL);
        expect(small.skinC).toBeCloseTo(stepTemperatures(start, share, length, DEFAULT_THERMAL).skinC, 6);
      }),
    );
  });

  it('stays between the air and the hottest possible, for any loads', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(load, seconds)), (steps) => {
        let at = restingTemperatures(DEFAULT_THERMAL);
        for (const [share, length] of steps) at = stepTemperatures(at, share, length, DEFAULT_THERMAL);
        expect(at.skinC).toBeGreaterThanOrEqual(25 - 1e-9);
        expect(at.skinC).toBeLessThanOrEqual(64 + 1e-9);
        expect(at.cpuC).toBeLessThanOrEqual(104 + 1e-9);
      }),
    );
  });

  it.each([
    [25, 0, 0],
    [38.9, 0, 0],
    [39, 1, 0],
    [42, 1, 0.225],
    [43, 2, 0.3],
    [45, 3, 0.45],
    [60, 3, 0.45],
  ] as const)('at %d degrees reports status %d and holds %d of the time', (skinC, status, share) => {
    expect(thermalStatus(skinC, DEFAULT_THERMAL)).toBe(status);
    expect(heldShare(skinC, DEFAULT_THERMAL)).toBeCloseTo(share, 9);
  });
});

describe('the duty cycler', () => {
  it.each([0.1, 0.3, 0.45])('holds for a share of %d though timers come late', (share) => {
    vi.useFakeTimers();
    try {
      // Every timer is seen 0.7 ms late, as on a busy computer.
      let lateMs = 0;
      const nowMs = (): number => Date.now() + lateMs;
      const startMs = nowMs();
      let heldMs = 0;
      let heldAtMs = 0;
      const cycler = new DutyCycler(
        {
          hold: (held) => {
            lateMs += 0.7;
            if (held) heldAtMs = nowMs();
            else heldMs += nowMs() - heldAtMs;
          },
        },
        nowMs,
      );
      cycler.setShare(share);
      vi.advanceTimersByTime(5000);
      expect(heldMs / (nowMs() - startMs)).toBeCloseTo(share, 2);
      cycler.stop();
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('the battery', () => {
  it('discharges faster under load and never below one percent', () => {
    const level = (share: number, hours: number): number => {
      const battery = new Battery(84);
      battery.step(hours * 3600, share, 30);
      return battery.levelPercent;
    };
    expect([level(0, 1), level(1, 1), level(1, 100)]).toEqual([82, 59, 1]);
  });
});

describe('the link', () => {
  it('passes no more than its rate plus the burst over any stretch of time', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 1000, noNaN: true }),
        fc.array(
          fc.tuple(fc.integer({ min: 1, max: 100_000 }), fc.double({ min: 0, max: 50, noNaN: true })),
          { minLength: 1, maxLength: 40 },
        ),
        (mbps, sends) => {
          const bucket = new TokenBucket(mbps, 10);
          let nowMs = 1000;
          let bytes = 0;
          let lastMs = 0;
          for (const [size, gapMs] of sends) {
            nowMs += gapMs;
            bytes += size;
            lastMs = Math.max(lastMs, nowMs + bucket.take(size, nowMs));
          }
          expect(bytes / (mbps * 125)).toBeLessThanOrEqual(lastMs - 1000 + 10 + 1e-6);
        },
      ),
    );
  });

  it('lets a megabyte through 80 Mbit/s in a tenth of a second', () => {
    expect(new TokenBucket(80, 0).take(1_000_000, 5000)).toBeCloseTo(100, 6);
  });
});
