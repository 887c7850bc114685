// Runs every case over two onnxruntime-node packages and compares their answers, value for value and error for error;
// then what only Bungee's binding does, against what it should.
//
//   node conformance.mjs REFERENCE CANDIDATE [--worker]
//
// REFERENCE and CANDIDATE are package folders with a binding for this computer. Prints one JSON line:
// {cases, differences: [{name, reference, candidate}]}; ends with 0 where there are none.
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { COMPARED_TYPES, writeModels } from './conformance-models.mjs';
import { OWN_CASES } from './conformance-own.mjs';
import { RUN_CASES } from './conformance-runs.mjs';
import { SESSION_CASES } from './conformance-sessions.mjs';
import { plain } from './conformance-values.mjs';

const RANDOM_ROUNDS = 120;

function packageAt(folder) {
  const load = createRequire(join(resolve(folder), 'package.json'));
  return { ort: load('./dist/index.js'), native: load('./dist/binding.js').binding };
}

async function answer(act, { ort, native }, models) {
  try {
    return { value: (await act(ort, models, native)) ?? null };
  } catch (error) {
    return { error: error.constructor.name, message: error.message };
  }
}

/** Park and Miller's generator: the same shapes in every run. */
function* randomNumbers(seed) {
  for (let state = seed; ;) yield (state = (state * 48271) % 2147483647);
}

/** Identity and transposition over shapes that nobody chose. */
async function randomShapes(ort, models) {
  const random = randomNumbers(4711);
  const below = (limit) => random.next().value % limit;
  const answers = [];
  const sessions = new Map();
  for (let round = 0; round < RANDOM_ROUNDS; round++) {
    const name = below(3) === 0 ? 'transpose' : COMPARED_TYPES[below(COMPARED_TYPES.length)];
    const type = name === 'transpose' ? 'int32' : name;
    const dims = Array.from({ length: name === 'transpose' ? 3 : 2 }, () => below(6));
    const count = dims.reduce((product, dim) => product * dim, 1);
    const values = Array.from({ length: count }, () => below(200));
    const data =
      type === 'string'
        ? values.map(String)
        : type === 'float16'
          ? Uint16Array.from(values)
          : type === 'bool'
            ? Uint8Array.from(values, (x) => x & 1)
            : values;
    if (!sessions.has(name)) sessions.set(name, await ort.InferenceSession.create(models[name]));
    answers.push(plain(await sessions.get(name).run({ x: new ort.Tensor(type, data, dims) })));
  }
  for (const session of sessions.values()) await session.release();
  return answers;
}

async function compare(reference, candidate) {
  const folder = mkdtempSync(join(tmpdir(), 'bungee-conformance-'));
  // What onnxruntime-common says on the console is said of both.
  console.warn = () => {};
  try {
    const models = writeModels(folder);
    const cases = { ...RUN_CASES, ...SESSION_CASES, 'random shapes': randomShapes };
    const differences = [];
    for (const [name, act] of Object.entries(cases)) {
      const answers = [];
      for (const ort of [reference, candidate]) answers.push(await answer(act, ort, models));
      const [expected, actual] = answers.map((each) => JSON.stringify(each));
      if (expected !== actual) differences.push({ name, reference: answers[0], candidate: answers[1] });
    }
    for (const [name, { act, expected }] of Object.entries(OWN_CASES)) {
      const actual = await answer(act, candidate, models);
      if (JSON.stringify(actual) !== JSON.stringify(expected))
        differences.push({ name, reference: expected, candidate: actual });
    }
    return { cases: Object.keys(cases).length + Object.keys(OWN_CASES).length, differences };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (isMainThread) {
  const [reference = '', candidate = '', flag] = process.argv.slice(2);
  const verdict =
    flag === '--worker'
      ? await new Promise((done, failed) => {
          const worker = new Worker(new URL(import.meta.url), { workerData: { reference, candidate } });
          worker.on('message', done);
          worker.on('error', failed);
        })
      : await compare(packageAt(reference), packageAt(candidate));
  console.log(JSON.stringify(verdict));
  process.exitCode = verdict.differences.length === 0 ? 0 : 1;
} else {
  const { reference, candidate } = workerData;
  parentPort.postMessage(await compare(packageAt(reference), packageAt(candidate)));
}
