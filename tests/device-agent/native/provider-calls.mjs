// Asks for providers in several ways and prints what ONNX Runtime was asked for, as one JSON line.
//
//   BUNGEE_PROVIDER_LOG=FILE node provider-calls.mjs PACKAGE
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { writeModels } from './conformance-models.mjs';

const ort = createRequire(join(resolve(process.argv[2] ?? ''), 'package.json'))('./dist/index.js');
const log = process.env.BUNGEE_PROVIDER_LOG ?? '';
const work = mkdtempSync(join(tmpdir(), 'bungee-providers-'));
const models = writeModels(work);

async function calls(executionProviders) {
  rmSync(log, { force: true });
  try {
    await (
      await ort.InferenceSession.create(models.add, { executionProviders, logSeverityLevel: 4 })
    ).release();
  } catch ({ constructor, message }) {
    return `${constructor.name}: ${message}`;
  }
  return existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : [];
}

const answers = {
  backends: ort.listSupportedBackends().map(({ name }) => name),
  'in order': await calls(['nnapi', 'xnnpack', 'cpu']),
  'the other order': await calls([{ name: 'xnnpack', intraOpNumThreads: 3 }, 'nnapi', 'cpu']),
  'flags off': await calls([{ name: 'nnapi', useFP16: false, cpuOnly: false }]),
  fp16: await calls([{ name: 'nnapi', useFP16: true }]),
  nchw: await calls([{ name: 'nnapi', useNCHW: true }]),
  'no reference CPU': await calls([{ name: 'nnapi', cpuDisabled: true }]),
  'reference CPU only': await calls([{ name: 'nnapi', cpuOnly: true }]),
  'all flags': await calls([
    { name: 'nnapi', useFP16: true, useNCHW: true, cpuDisabled: true, cpuOnly: true },
  ]),
  'a flag that is no switch': await calls([{ name: 'nnapi', useFP16: 1 }]),
  'threads that are no number': await calls([{ name: 'xnnpack', intraOpNumThreads: '2' }]),
  'no threads': await calls([{ name: 'xnnpack', intraOpNumThreads: 0 }]),
};
rmSync(work, { recursive: true, force: true });
console.log(JSON.stringify(answers));
