import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import { adapterLayout, type AdapterShape, type RuntimeSite } from '../../core/recovery-adapter.ts';
import { readAdapters, writeAdapters } from '../../offline/bundle/adapters-file.ts';
import { TINY_CONFIG } from '../../offline/sources/tiny-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'bungee-adapters-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const shape: AdapterShape<RuntimeSite> = { sites: ['o', 'mlp'], rank: 2, bias: true, norms: false };
const { total } = adapterLayout(TINY_CONFIG, shape);

function someParameters(seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: total }, () => random() - 0.5);
}

describe('adapters.bin', () => {
  test('gives every level its own parameters back, as float16, and the same bytes a second time', () => {
    const levels = ([20, 60] as const).map((level) => ({ level, parameters: someParameters(level) }));
    const path = join(folder, 'a.bin');
    const ranges = writeAdapters(path, TINY_CONFIG, shape, levels);
    expect(ranges).toEqual([
      { level: 20, offset: 0, lengthBytes: 2 * total },
      { level: 60, offset: 2 * total, lengthBytes: 2 * total },
    ]);
    const back = readAdapters(path, ranges);
    for (const [i, { level, parameters }] of levels.entries()) {
      expect(back[i]?.level).toBe(level);
      for (const [j, value] of parameters.entries())
        expect(Math.abs((back[i]?.parameters[j] ?? NaN) - value)).toBeLessThan(2 ** -12);
    }
    writeAdapters(join(folder, 'b.bin'), TINY_CONFIG, shape, back);
    expect(readFileSync(join(folder, 'b.bin'))).toEqual(readFileSync(path));
  });

  test('refuses parameters of another shape, or that float16 cannot hold', () => {
    const short = { level: 20 as const, parameters: new Float32Array(total - 1) };
    expect(() => writeAdapters(join(folder, 'c.bin'), TINY_CONFIG, shape, [short])).toThrow(/instead of/);
    for (const wrong of [Number.NaN, 1e6]) {
      const parameters = someParameters(1).fill(wrong, 5, 6);
      expect(() =>
        writeAdapters(join(folder, `d${wrong}.bin`), TINY_CONFIG, shape, [{ level: 20, parameters }]),
      ).toThrow(/float16/);
    }
  });
});
