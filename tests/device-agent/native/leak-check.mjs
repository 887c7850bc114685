// Opens and closes sessions, runs and fails many times, and tells how much the process grew in each.
//
//   node --expose-gc leak-check.mjs PACKAGE [SESSIONS]
//
// Prints one JSON line of bytes by what was done. The first half of each is not counted: the allocator takes as much as
// the busiest moment needs, and keeps it.
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { writeModels } from './conformance-models.mjs';

const [folder = '', sessions = '1000'] = process.argv.slice(2);
const ort = createRequire(join(resolve(folder), 'package.json'))('./dist/index.js');
const work = mkdtempSync(join(tmpdir(), 'bungee-leak-'));
const models = writeModels(work);
const options = { logSeverityLevel: 4, intraOpNumThreads: 1, interOpNumThreads: 1 };

/** Finalizers of native memory run after the collection, from the event loop. */
async function collected() {
  for (let i = 0; i < 4; i++) {
    globalThis.gc();
    await new Promise((done) => setTimeout(done, 5));
  }
}

async function growth(count, act) {
  let before = 0;
  for (let i = 0; i < count; i++) {
    if (i === Math.floor(count / 2)) {
      await collected();
      before = process.memoryUsage.rss();
    }
    await act(i);
    if (i % 250 === 249) await collected();
  }
  await collected();
  return process.memoryUsage.rss() - before;
}

const tensor = (rows) => new ort.Tensor('float32', new Float32Array(rows * 3).fill(1), [rows, 3]);
const b = new ort.Tensor('float32', new Float32Array(3), [3]);

async function openRunClose() {
  const session = await ort.InferenceSession.create(models.add, options);
  await session.run({ a: tensor(2), b });
  await session.release();
}

/** Nobody releases these: the garbage collector has to. */
async function openAndForget() {
  await ort.InferenceSession.create(models.several, options);
}

/** A thread that ends with a session open and a run done. */
const WORKER = `
const { workerData } = require('node:worker_threads');
const ort = require(workerData.entry);
void ort.InferenceSession.create(workerData.model, workerData.options).then(async (session) => {
  const feed = (dims) => new ort.Tensor('float32', new Float32Array(3), dims);
  const { sum } = await session.run({ a: feed([1, 3]), b: feed([3]) });
  if (sum.dims[1] !== 3) throw new Error('wrong result');
});`;

async function workerThatEnds() {
  const entry = join(resolve(folder), 'dist', 'index.js');
  const worker = new Worker(WORKER, { eval: true, workerData: { entry, model: models.add, options } });
  const code = await new Promise((done, failed) => worker.once('exit', done).once('error', failed));
  if (code !== 0) throw new Error(`a worker ended with ${code}`);
}

const grown = { 'open, run, close': await growth(Number(sessions), openRunClose) };
grown['open and forget'] = await growth(Number(sessions) / 2, openAndForget);
const session = await ort.InferenceSession.create(models.add, options);
grown['1 MB outputs'] = await growth(1000, () => session.run({ a: tensor(87_382), b }));
grown['small runs'] = await growth(20_000, () => session.run({ a: tensor(2), b }));
grown['runs that fail'] = await growth(5000, () =>
  session.run({ a: tensor(2), b: tensor(5) }).catch(() => null),
);
const texts = await ort.InferenceSession.create(models.string, options);
const text = ['one', 'two'].map((word) => word.repeat(500));
grown['strings'] = await growth(5000, () => texts.run({ x: new ort.Tensor('string', text, [1, 2]) }));
grown['sessions that fail'] = await growth(1000, (i) =>
  ort.InferenceSession.create(i % 2 === 0 ? models.unknown : models.add, {
    ...options,
    extra: { a: i },
  }).catch(() => null),
);
grown['workers that end'] = await growth(40, workerThatEnds);
await session.release();
await texts.release();
rmSync(work, { recursive: true, force: true });
console.log(JSON.stringify(grown));
