import { execFile } from 'node:child_process';
import { cpSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { variantSchema, type Variant } from '../../core/bundle-manifest.ts';
import { arm64Pack } from '../e2e/arm64-pack.ts';
import { bareDevice, runShell } from '../virtual-phone/harness.ts';
import { buildForNode } from './support/build-worker.ts';
import { agreement, floats, relativeDifference } from './support/compared-logits.ts';
import type { PrintedLogits } from './support/print-logits.ts';
import { makeTinyBundle, type TinyBundle } from './support/tiny-bundle.ts';

const PHONE_PACK = '/data/local/tmp/pack';
const VARIANTS = variantSchema.options;

/**
 * Largest difference of a logit between the processors, in standard deviations of all logits. Sums come in another
 * order, which is all for f32 (4e-6 seen). Where activations are rounded to 8 bits, a tie may fall the other way: most
 * levels differ by 1e-5, some by 0.06; these variants are 0.1 to 1.3 away from f32.
 */
const TOLERANCE: Record<Variant, number> = { f32: 1e-4, int8: 0.1, q8: 0.1, q4: 0.1 };

const packDir = await arm64Pack();

describe.runIf(packDir !== null)('logits on emulated arm64', () => {
  const bundles = new Map<Variant, TinyBundle>();
  let here: PrintedLogits;
  let there: PrintedLogits;

  beforeAll(async () => {
    for (const variant of VARIANTS) bundles.set(variant, await makeTinyBundle(variant));
    const folders = [...bundles.values()].map(({ dir }) => dir);
    const program = await buildForNode('tests/device-agent/support/print-logits.ts', 'print-logits');
    const { device, close } = bareDevice({ arch: 'arm64' });
    try {
      cpSync(packDir ?? '', device.files.hostPath(PHONE_PACK), { recursive: true });
      // Paths of this computer are no phone paths: they reach the program as they are.
      const node = `${PHONE_PACK}/lib/ld-linux-aarch64.so.1 --library-path ${PHONE_PACK}/lib ${PHONE_PACK}/bin/node`;
      const run = await runShell(device, `${node} ${program} ${folders.join(' ')}`);
      expect(run.status, run.err).toBe(0);
      there = JSON.parse(run.out) as PrintedLogits;
    } finally {
      await close();
    }
    const local = await promisify(execFile)(process.execPath, [program, ...folders], { maxBuffer: 1 << 28 });
    here = JSON.parse(local.stdout) as PrintedLogits;
  }, 120_000);
  afterAll(() => {
    for (const bundle of bundles.values()) bundle.remove();
  });

  /** `of` each level of a variant's zero-row form. */
  const atLevels = (variant: Variant, of: (key: string) => number): number[] => {
    const prefix = `${bundles.get(variant)?.dir ?? ''} zero-row `;
    const levels = Object.keys(there.logits).filter((key) => key.startsWith(prefix));
    expect(levels.length).toBeGreaterThan(5);
    return levels.map(of);
  };

  test('come from another machine', () => {
    expect([there.arch, here.arch]).toEqual(['linux-arm64', `${process.platform}-${process.arch}`]);
  });

  test.each(VARIANTS)('%s: are those of this computer at every level', (variant) => {
    const both = (key: string): [Float32Array, Float32Array] => [
      floats(here.logits[key]),
      floats(there.logits[key]),
    ];
    const worst = Math.max(...atLevels(variant, (key) => relativeDifference(...both(key))));
    expect(worst).toBeLessThan(TOLERANCE[variant]);
    const agreed = atLevels(variant, (key) => agreement(...both(key)));
    expect(agreed.reduce((sum, share) => sum + share, 0) / agreed.length).toBeGreaterThan(0.95);
  });

  test.each(VARIANTS)('%s: zero rows and conditional segments give the same bits', (variant) => {
    const unequal = atLevels(variant, (key) =>
      there.logits[key] === there.logits[key.replace(' zero-row ', ' conditional ')] ? 0 : 1,
    );
    expect(Math.max(...unequal)).toBe(0);
  });
});
