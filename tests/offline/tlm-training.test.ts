import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { LEVELS } from '../../core/level.ts';
import { SLO_CLASSES, tlmInputs, tlmLayout } from '../../core/tlm.ts';
import { EmbeddingRows } from '../../offline/tlm/embedding-rows.ts';
import { initialTlmParameters } from '../../offline/tlm/tlm-parameters.ts';
import {
  decisionTask,
  scoreTask,
  type DecisionExample,
  type ScoreExample,
} from '../../offline/tlm/tlm-task.ts';
import { TlmTrainer } from '../../offline/tlm/tlm-trainer.ts';
import { packBatches, tlmBatches, trainTlm } from '../../offline/tlm/train-tlm.ts';
import { randomEmbedding, randomExample, randomTlmParameters, TINY_TLM } from './support/tlm-examples.ts';
import { referenceTlm } from './support/tlm-reference.ts';

const VOCABULARY = 40;
const SIZE = 16;
const table = randomEmbedding(VOCABULARY, SIZE, 3);
const embedding = new EmbeddingRows(table.slice(), SIZE);
const scratch = mkdtempSync(join(tmpdir(), 'tlm-training-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const examples = [5, 13, 8].map((tokens, seed) => randomExample({ tokens, vocabulary: VOCABULARY, seed }));
const parameters = randomTlmParameters(TINY_TLM, SIZE, 7);
const reference = (example: ScoreExample): ReturnType<typeof referenceTlm> =>
  referenceTlm(TINY_TLM, parameters, { table, size: SIZE }, example.inputs);

test('the score loss is the weighted cross entropy of what the network computes position by position', async () => {
  const trainer = await TlmTrainer.open({ config: TINY_TLM, embedding, task: scoreTask(), rows: 5 });
  let sum = 0;
  let total = 0;
  for (const example of examples)
    for (const [i, target] of example.targets.entries()) {
      const share = 1 / (1 + Math.exp(-(reference(example).scores[i] ?? 0)));
      const weight = example.weights[i] ?? 0;
      sum -= weight * (target * Math.log(share) + (1 - target) * Math.log(1 - share));
      total += weight;
    }
  expect(await trainer.loss(examples, parameters)).toBeCloseTo(sum / total, 5);
  await trainer.close();
});

test('the decision loss is the mean expected reward, less the bonus for undecidedness', async () => {
  const bonus = 0.05;
  const trainer = await TlmTrainer.open({
    config: TINY_TLM,
    embedding,
    task: decisionTask(4, bonus),
    rows: 6,
  });
  let loss = 0;
  for (const example of examples) {
    const { prompt, level } = reference(example);
    const [p, m] = [softmax(prompt), softmax(level)];
    for (const [i, ofPrompt] of p.entries())
      for (const [j, ofLevel] of m.entries())
        loss -= (ofPrompt * ofLevel * (example.rewards[i * LEVELS.length + j] ?? 0)) / examples.length;
    for (const share of [...p, ...m]) loss += (bonus * share * Math.log(share)) / examples.length;
  }
  expect(await trainer.loss(examples, parameters)).toBeCloseTo(loss, 5);
  await trainer.close();
});

function softmax(logits: readonly number[]): number[] {
  const shares = logits.map((logit) => Math.exp(logit));
  const sum = shares.reduce((a, b) => a + b, 0);
  return shares.map((share) => share / sum);
}

test.each(['score', 'decision'] as const)(
  'the %s gradient is what small changes of its parameters do to the loss',
  async (head) => {
    const open = { config: TINY_TLM, embedding, rows: 5 };
    const trainer = await (head === 'score'
      ? TlmTrainer.open<ScoreExample & DecisionExample>({ ...open, task: scoreTask() })
      : TlmTrainer.open<ScoreExample & DecisionExample>({ ...open, task: decisionTask(3, 0.01) }));
    const { gradient } = await trainer.gradient(examples, parameters);
    expect(gradient.length).toBe(trainer.pack(parameters).length);
    let at = 0;
    for (const { name, offset, length } of trainer.trained) {
      // Along the gradient itself: the change is as large as it can be beside rounding.
      const own = gradient.subarray(at, at + length);
      const norm = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0));
      const step = 3e-2 / Math.sqrt(length);
      const moved = async (by: number): Promise<number> => {
        const shifted = parameters.slice();
        for (let i = 0; i < length; i++)
          shifted[offset + i] =
            (shifted[offset + i] ?? 0) + (by * step * Math.sqrt(length) * (own[i] ?? 0)) / norm;
        return trainer.loss(examples, shifted);
      };
      const slope = ((await moved(1)) - (await moved(-1))) / (2 * step * Math.sqrt(length));
      expect(Math.abs(slope - norm), `${name}: ${slope} instead of ${norm}`).toBeLessThan(0.02 * norm + 3e-5);
      at += length;
    }
    await trainer.close();
  },
);

test('score training learns which tokens matter, and leaves the decision head alone', async () => {
  // Even tokens are worth keeping.
  const lesson = (seed: number): ScoreExample => {
    const example = randomExample({ tokens: 16, vocabulary: VOCABULARY, seed });
    const ids = [...example.inputs.inputIds].map(Number);
    return {
      ...example,
      targets: Float32Array.from(ids, (id) => 1 - (id % 2)),
      weights: new Float32Array(16).fill(1),
    };
  };
  const trainer = await TlmTrainer.open({ config: TINY_TLM, embedding, task: scoreTask(), rows: 8 });
  const start = initialTlmParameters(TINY_TLM, SIZE, 1);
  const lessons = Array.from({ length: 60 }, (_, seed) => lesson(seed));
  const heldOut = packBatches([1000, 1001, 1002, 1003].map(lesson), { rows: 8, examples: 9 });
  const trained = await trainTlm({
    trainer,
    parameters: start,
    batchAt: tlmBatches(lessons, { rows: 8, examples: 9 }, 5),
    steps: 120,
    learningRate: { peak: 0.01, warmUpSteps: 5, floor: 0.1 },
    heldOut: { batches: heldOut, every: 20 },
  });
  expect(await trainer.loss(heldOut[0] ?? [], start)).toBeGreaterThan(0.6);
  expect(trained.heldOutLoss).toBeLessThan(0.2);
  const untouched = tlmLayout(TINY_TLM, SIZE).entries.filter(({ name }) => name.startsWith('decision'));
  for (const { offset, length } of untouched)
    expect(trained.parameters.slice(offset, offset + length)).toEqual(start.slice(offset, offset + length));
  await trainer.close();
});

/** Only the cell of the SLO's own class pays. */
function sloLesson(seed: number): DecisionExample {
  const example = randomExample({ tokens: 5 + (seed % 9), vocabulary: VOCABULARY, seed });
  const ttft = seed % SLO_CLASSES;
  const tpot = (3 * seed + 1) % 9;
  const rewards = new Float32Array(90);
  rewards[ttft * LEVELS.length + tpot] = 1;
  return { rewards, inputs: { ...example.inputs, slo: BigInt64Array.of(BigInt(ttft), BigInt(tpot)) } };
}

const decisionRun = (
  trainer: TlmTrainer<DecisionExample>,
  path: string | null,
  stopAfter?: number,
): ReturnType<typeof trainTlm> => {
  const stop = new AbortController();
  return trainTlm({
    trainer,
    parameters: initialTlmParameters(TINY_TLM, SIZE, 2),
    batchAt: tlmBatches(
      Array.from({ length: 90 }, (_, i) => sloLesson(i)),
      { rows: 24, examples: 15 },
      6,
    ),
    steps: 150,
    learningRate: { peak: 0.01, warmUpSteps: 5, floor: 0.1 },
    checkpoint: path === null ? null : { path, identity: 'decision', every: 10 },
    onStep: ({ step }) => {
      if (step === stopAfter) stop.abort(new Error('killed'));
    },
    signal: stop.signal,
  });
};

test('decision training learns to read the SLO tokens, and a killed run ends with the same parameters', async () => {
  const trainer = await TlmTrainer.open({
    config: TINY_TLM,
    embedding,
    task: decisionTask(15, 0.01),
    rows: 24,
  });
  const whole = await decisionRun(trainer, null);
  const unseen = packBatches([200, 201, 202, 203, 204].map(sloLesson), { rows: 24, examples: 15 });
  expect(await trainer.loss(unseen[0] ?? [], whole.parameters)).toBeLessThan(-0.8);
  const path = join(scratch, 'decision.checkpoint');
  await expect(decisionRun(trainer, path, 34)).rejects.toThrow('killed');
  const resumed = await decisionRun(trainer, path);
  expect(resumed.parameters).toEqual(whole.parameters);
  await trainer.close();
});

test('batches hold every example once per round, and refuse one that cannot fit', () => {
  const many = Array.from({ length: 20 }, (_, seed) =>
    randomExample({ tokens: 3 + seed, vocabulary: VOCABULARY, seed }),
  );
  const batches = packBatches(many, { rows: 4, examples: 3 });
  expect(batches.flat()).toEqual(many);
  for (const batch of batches) {
    expect(batch.length).toBeLessThanOrEqual(3);
    expect(batch.reduce((sum, { inputs }) => sum + inputs.rows, 0)).toBeLessThanOrEqual(4);
  }
  expect(() => packBatches(many, { rows: 2, examples: 3 })).toThrow(RangeError);
});

test('a prompt is cut into rows of one width, with less than a token of padding per row', () => {
  const ids = Array.from({ length: 9 }, (_, i) => i);
  const { rows, width, inputIds, roles } = tlmInputs(TINY_TLM, ids, new Int32Array(9), {
    ttft: null,
    tpot: null,
  });
  expect([rows, width]).toEqual([2, 5]);
  expect([...inputIds.slice(0, 9)].map(Number)).toEqual(ids);
  expect([...roles].map(Number)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
});
