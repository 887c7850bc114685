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

  // What stands in for the library is built by this computer's own compiler.
  describe.skipIf(built?.binding.compiler !== 'cc')('over a library that listens in', () => {
    const realOrt = join(bindingFolder(stockPackage, here), 'libonnxruntime.so.1');
    const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

    /** The package with another ONNX Runtime beside the binding. */
    function packageOver(source: string): string {
      const packages = join(built?.root ?? '', source, 'node_modules');
      cpSync(join(built?.root ?? '', 'node_modules'), packages, { recursive: true, verbatimSymlinks: true });
      const libraries = bindingFolder(join(packages, 'onnxruntime-node'), here);
      rmSync(join(libraries, 'libonnxruntime.so.1'));
      const include = `-I${at('../../../device-agent/native/include')}`;
      const output = join(libraries, 'libonnxruntime.so');
      execFileSync('cc', ['-shared', '-fPIC', include, at(source), '-ldl', '-o', output]);
      return join(packages, 'onnxruntime-node');
    }

    test('releases all that it had ONNX Runtime create, after failures and in worker threads too', async () => {
      const counted = packageOver('counting-ort.c');
      const report = join(built?.root ?? '', 'counts.json');
      const environment = { BUNGEE_REAL_ORT: realOrt, BUNGEE_COUNTS: report };
      for (const flags of [[], ['--worker']]) {
        const verdict = await runProgram('conformance.mjs', [stockPackage, counted, ...flags], {
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
    });

    test('asks for NNAPI and XNNPACK in the order and with the flags that it is given', async () => {
      const log = join(built?.root ?? '', 'providers.log');
      const environment = { BUNGEE_REAL_ORT: realOrt, BUNGEE_PROVIDER_LOG: log };
      const answers = await runProgram('provider-calls.mjs', [packageOver('providers-ort.c')], {
        environment,
      });
      expect(answers).toEqual({
        backends: ['cpu', 'xnnpack', 'nnapi'],
        'in order': ['NNAPI flags=0', 'XNNPACK'],
        'the other order': ['XNNPACK intra_op_num_threads=3', 'NNAPI flags=0'],
        'flags off': ['NNAPI flags=0'],
        fp16: ['NNAPI flags=1'],
        nchw: ['NNAPI flags=2'],
        'no reference CPU': ['NNAPI flags=4'],
        'reference CPU only': ['NNAPI flags=8'],
        'all flags': ['NNAPI flags=15'],
        'a flag that is no switch': 'TypeError: Invalid argument: useFP16 must be a boolean.',
        'threads that are no number': 'TypeError: Invalid argument: intraOpNumThreads must be a number.',
        'no threads': "RangeError: 'intraOpNumThreads' is invalid: 0",
      });
    });
  });

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
