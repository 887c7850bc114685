import { execFile } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { buildForNode } from '../support/build-worker.ts';
import { makeTinyBundle, type TinyBundle } from '../support/tiny-bundle.ts';
import { buildPackage } from './built-binding.ts';

const printedSchema = z.record(z.string(), z.string());

const built = await buildPackage();
const bundles: TinyBundle[] = [];
beforeAll(async () => {
  if (built !== null)
    for (const variant of ['f32', 'int8'] as const) bundles.push(await makeTinyBundle(variant));
});
afterAll(() => {
  built?.remove();
  for (const bundle of bundles) bundle.remove();
});

async function logitsBy(program: string): Promise<Record<string, string>> {
  const dirs = bundles.map(({ dir }) => dir);
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...dirs], { maxBuffer: 1 << 28 });
  return printedSchema.parse(JSON.parse(stdout));
}

describe.skipIf(built === null)('the elastic engine over our binding', () => {
  test("computes the logits that it computes over npm's, bit for bit, at every level and in both forms", async () => {
    const program = await buildForNode('tests/device-agent/native/print-decoded.ts', 'print-decoded');
    const besideOurs = join(built?.root ?? '', 'print-decoded.mjs');
    copyFileSync(program, besideOurs);
    const expected = await logitsBy(program);
    expect(Object.keys(expected).length).toBeGreaterThan(20);
    expect(await logitsBy(besideOurs)).toEqual(expected);
  });
});
