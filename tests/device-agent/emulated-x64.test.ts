import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findEmulator } from '../../virtual-phone/index.ts';
import { IS_CI } from '../e2e/project.ts';
import { buildForNode } from './support/build-worker.ts';
import { floats, relativeDifference } from './support/compared-logits.ts';
import type { PrintedLogits } from './support/print-logits.ts';
import { makeTinyBundle, type TinyBundle } from './support/tiny-bundle.ts';

/** A processor with AVX2 and without VNNI, whose int8 products of two pairs are added in 16 bits. */
const PROCESSOR = 'Haswell';
/** In standard deviations of all logits, as in `emulated-numerics`: ties of rounded activations fall either way. */
const TOLERANCE = 0.1;

function emulator(): string | null {
  const found = findEmulator(['qemu-x86_64-static', 'qemu-x86_64']);
  if (found !== null) return found;
  if (IS_CI) throw new Error('qemu-x86_64 (package qemu-user-static) is not here, and CI needs it.');
  process.stderr.write(
    'SKIPPED: nothing runs on an emulated x64 processor without VNNI: no qemu-x86_64 here\n',
  );
  return null;
}

const qemu = process.platform === 'linux' && process.arch === 'x64' ? emulator() : null;
const run = promisify(execFile);

describe.runIf(qemu !== null)('int8 on an x64 processor without VNNI', () => {
  let bundle: TinyBundle;
  let here: PrintedLogits;
  let there: PrintedLogits;

  beforeAll(async () => {
    bundle = await makeTinyBundle('int8');
    const program = await buildForNode('tests/device-agent/support/print-logits.ts', 'print-x64-logits');
    const printedBy = async (command: string, ...before: string[]): Promise<PrintedLogits> => {
      const { stdout } = await run(command, [...before, program, bundle.dir], { maxBuffer: 1 << 28 });
      return JSON.parse(stdout) as PrintedLogits;
    };
    here = await printedBy(process.execPath);
    there = await printedBy(qemu ?? '', '-cpu', PROCESSOR, process.execPath);
  }, 120_000);
  afterAll(() => {
    bundle.remove();
  });

  test('computes the logits of this computer, in both forms and at every level', () => {
    const keys = Object.keys(there.logits);
    expect(keys.length).toBeGreaterThan(10);
    for (const key of keys)
      expect(relativeDifference(floats(here.logits[key]), floats(there.logits[key])), key).toBeLessThan(
        TOLERANCE,
      );
  });
});
