// Runs a small model on every provider of a package's ONNX Runtime and prints, as one JSON line, what came out and which
// providers ran it, as the profile tells.
//
//   node android-run.mjs PACKAGE
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { writeModels } from './conformance-models.mjs';

const ort = createRequire(join(resolve(process.argv[2] ?? ''), 'package.json'))('./dist/index.js');
const work = mkdtempSync(join(tmpdir(), 'bungee-android-'));
const models = writeModels(work);

async function product(name, executionProviders) {
  const session = await ort.InferenceSession.create(models.inside, {
    executionProviders,
    // NNAPI takes fixed shapes only.
    freeDimensionOverrides: { n: 1 },
    enableProfiling: true,
    profileFilePrefix: join(work, name),
    logSeverityLevel: 4,
  });
  const { y } = await session.run({ x: new ort.Tensor('float32', Float32Array.of(1, 2, 3, 4), [1, 4]) });
  session.endProfiling();
  await session.release();
  const profile = readdirSync(work).find((file) => file.startsWith(`${name}_`)) ?? '';
  const events = JSON.parse(readFileSync(join(work, profile), 'utf8'));
  const ran = new Set(events.flatMap(({ cat, args }) => (cat === 'Node' ? (args.provider ?? []) : [])));
  return { values: [...y.data], ran: [...ran] };
}

const printed = {
  backends: ort.listSupportedBackends().map(({ name }) => name),
  cpu: await product('on-cpu', ['cpu']),
  xnnpack: await product('on-xnnpack', [{ name: 'xnnpack', intraOpNumThreads: 2 }, 'cpu']),
  nnapi: await product('on-nnapi', [{ name: 'nnapi', cpuDisabled: true }, 'xnnpack', 'cpu']),
};
rmSync(work, { recursive: true, force: true });
console.log(JSON.stringify(printed));
