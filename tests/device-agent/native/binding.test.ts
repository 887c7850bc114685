import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { bindingFolder, stockPackage, targetHere } from '../../../scripts/native/package-with-binding.ts';
import { buildPackage, runProgram } from './built-binding.ts';

const verdictSchema = z.object({ cases: z.number(), differences: z.array(z.unknown()) });
const growthSchema = z.record(z.string(), z.number());
const countsSchema = z.record(z.string(), z.object({ made: z.number(), left: z.number() }));

/** Pages that the allocator keeps although nothing is in them; a leak of a session would be fifty times this. */
const NOISE_BYTES = 6 * 1024 * 1024;

const here = targetHere() ?? 'linux-x64';
const built = await buildPackage();
afterAll(() => built?.remove());

describe.skipIf(built === null)("Bungee's binding of ONNX Runtime", () => {
  const folder = built?.folder ?? '';

  test.each([
    { where: 'the main thread', flags: [] },
    { where: 'a worker thread', flags: ['--worker'] },
  ])(
    "answers as npm's binding does in $where: values, types, metadata, options and errors",
    async ({ flags }) => {
      const { cases, differences } = verdictSchema.parse(
        await runProgram('conformance.mjs', [stockPackage, folder, ...flags]),
      );
      expect(differences).toEqual([]);
      expect(cases).toBeGreaterThan(150);
    },
  );

  // The library that counts is built by this computer's own compiler.
  test.skipIf(built?.binding.compiler !== 'cc')(
    'releases all that it had ONNX Runtime create, after failures and in worker threads too',
    async () => {
      const counted = join(built?.root ?? '', 'counted', 'node_modules');
      cpSync(join(built?.root ?? '', 'node_modules'), counted, { recursive: true, verbatimSymlinks: true });
      const packageFolder = join(counted, 'onnxruntime-node');
      const libraries = bindingFolder(packageFolder, here);
      rmSync(join(libraries, 'libonnxruntime.so.1'));
      const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
      const include = at('../../../device-agent/native/include');
      const output = join(libraries, 'libonnxruntime.so');
      execFileSync('cc', ['-shared', '-fPIC', `-I${include}`, at('counting-ort.c'), '-ldl', '-o', output]);
      const report = join(built?.root ?? '', 'counts.json');
      const environment = {
        BUNGEE_REAL_ORT: join(bindingFolder(stockPackage, here), 'libonnxruntime.so.1'),
        BUNGEE_COUNTS: report,
      };
      for (const flags of [[], ['--worker']]) {
        const verdict = await runProgram('conformance.mjs', [stockPackage, packageFolder, ...flags], {
          environment,
        });
        expect(verdict).toMatchObject({ differences: [] });
        const counts = countsSchema.parse(JSON.parse(readFileSync(report, 'utf8')));
        expect(Object.keys(counts).length).toBeGreaterThan(5);
        for (const [what, { made, left }] of Object.entries(counts)) {
          expect.soft(made, what).toBeGreaterThan(0);
          expect.soft(left, what).toBe(0);
        }
      }
    },
  );

  test(
    'does not grow over 1,000 sessions, 20,000 runs, large outputs, failures and workers that end',
    { timeout: 120_000 },
    async () => {
      const grown = growthSchema.parse(
        await runProgram('leak-check.mjs', [folder, '1000'], { nodeFlags: ['--expose-gc'] }),
      );
      for (const [what, bytes] of Object.entries(grown)) expect.soft(bytes, what).toBeLessThan(NOISE_BYTES);
    },
  );

  test('says where it looked when there is no ONNX Runtime beside it', () => {
    const alone = join(built?.root ?? '', 'alone.node');
    cpSync(built?.binding.path ?? '', alone);
    const load = `try { require(${JSON.stringify(alone)}) } catch (error) { console.log(error.message) }`;
    const said = execFileSync(process.execPath, ['-e', load], { encoding: 'utf8' });
    expect(said).toMatch(/^cannot open ONNX Runtime beside the binding: .*libonnxruntime\.so: cannot open/);
  });
});
