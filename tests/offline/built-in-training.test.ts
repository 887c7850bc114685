import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../core/model-config.ts';
import { seededRandom } from '../../core/random.ts';
import { unwrap } from '../../core/result.ts';
import { BUILT_IN_TRAINING, type TrainingSettings } from '../../offline/built-in/built-in-model.ts';
import { trainedModel } from '../../offline/built-in/export-model.ts';
import { initialParameters } from '../../offline/built-in/parameters.ts';
import { TokenWindows } from '../../offline/built-in/token-windows.ts';
import { trainBuiltIn, type TrainingRun } from '../../offline/built-in/train-built-in.ts';
import { WeightTrainer } from '../../offline/built-in/weight-trainer.ts';
import { planSingle } from '../../offline/levels/level-plan.ts';
import { readLayer } from '../../offline/levels/reorder.ts';
import { openGguf } from '../../offline/sources/gguf-model.ts';
import { writeGguf } from '../../offline/sources/gguf-writer.ts';
import { expectedWeights, WEIGHTS } from '../../offline/sources/source-model.ts';
import { tinyTokenizer, TINY_VOCAB } from '../../offline/sources/tiny-tokenizer.ts';
import { referenceLogits } from './support/reference-llama.ts';
import { temporaryFolder } from './support/test-files.ts';

const MICRO: ModelConfig = {
  architecture: 'llama',
  hiddenSize: 32,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  ffnSize: 64,
  vocabSize: TINY_VOCAB,
  contextLength: 64,
  ropeTheta: 10_000,
  rmsNormEps: 1e-5,
  tiedEmbedding: true,
  qkvBias: false,
  qkNorm: false,
};

const WINDOW = 16;
const BATCH = 2;

/** Documents of random tokens, some shorter than a window. */
function randomDocuments(count: number, seed: number): number[][] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () =>
    Array.from({ length: 5 + Math.floor(random() * 20) }, () => Math.floor(random() * TINY_VOCAB)),
  );
}

function microRun(changes: Partial<TrainingSettings>, documents = randomDocuments(20, 1)): TrainingRun {
  return {
    config: MICRO,
    settings: {
      ...BUILT_IN_TRAINING,
      steps: 8,
      windowsPerStep: BATCH,
      windowTokens: WINDOW,
      warmUpSteps: 2,
      checkpointEvery: 3,
      ...changes,
    },
    training: new TokenWindows(documents, WINDOW),
    heldOut: new TokenWindows(randomDocuments(6, 2), WINDOW),
    dataSha256: 'of these documents',
    workFolder: temporaryFolder(),
    threads: 1,
  };
}

describe('training from random weights', () => {
  it('learns one repeated batch, with finite gradients', async () => {
    const documents = randomDocuments(20, 1)
      .flat()
      .slice(0, BATCH * WINDOW);
    const losses: number[] = [];
    const run = microRun({ steps: 30, warmUpSteps: 5, learningRate: 1e-2, decayShare: 0 }, [documents]);
    await trainBuiltIn(run, ({ loss, gradientNorm }) => {
      expect(gradientNorm).toBeGreaterThan(0);
      expect(Number.isFinite(gradientNorm)).toBe(true);
      losses.push(loss);
    });
    expect(losses).toHaveLength(30);
    expect(losses[0]).toBeCloseTo(Math.log(TINY_VOCAB), 0);
    expect(losses.at(-1)).toBeLessThan(0.3 * (losses[0] ?? 0));
  });

  it('ends with the same weights when it is stopped and goes on, also where the number of steps is changed', async () => {
    const whole = unwrap(await trainBuiltIn(microRun({})));
    for (const stopAfter of [2, 5]) {
      const run = microRun({});
      const abort = new AbortController();
      const stopped = trainBuiltIn(run, ({ step }) => step === stopAfter && abort.abort(), abort.signal);
      await expect(stopped).rejects.toThrow();
      const resumed = unwrap(await trainBuiltIn(run));
      expect(resumed.parameters).toEqual(whole.parameters);
      expect(resumed.heldOutLoss).toBe(whole.heldOutLoss);
    }
    // Up to its fall the learning rate does not depend on the end.
    const shortened = microRun({ steps: 40 });
    const abort = new AbortController();
    const stopped = trainBuiltIn(shortened, ({ step }) => step === 4 && abort.abort(), abort.signal);
    await expect(stopped).rejects.toThrow();
    const settings = { ...shortened.settings, steps: 8 };
    const resumed = unwrap(await trainBuiltIn({ ...shortened, settings }));
    expect(resumed.parameters).toEqual(whole.parameters);
  });

  it('refuses a checkpoint of other text or settings, by name', async () => {
    const run = microRun({ steps: 3 });
    unwrap(await trainBuiltIn(run));
    for (const other of [
      { ...run, dataSha256: 'of others' },
      { ...run, settings: { ...run.settings, learningRate: 1 } },
    ]) {
      const result = await trainBuiltIn(other);
      expect(result.ok ? '' : result.failure.code).toBe('checkpoint-other');
    }
  });

  it('gives weight gradients that agree with finite differences', async () => {
    const run = microRun({});
    const windows = [run.training.window(0), run.training.window(1)];
    const parameters = initialParameters(MICRO, 4);
    const trainer = await WeightTrainer.open(MICRO, { batch: BATCH, tokens: WINDOW }, 1);
    const { gradient } = await trainer.gradient(windows, parameters);
    expect(gradient).toHaveLength(parameters.length);
    const random = seededRandom(7);
    for (let round = 0; round < 6; round++) {
      const direction = Float32Array.from(parameters, () => random() - 0.5);
      const at = async (scale: number): Promise<number> =>
        trainer.loss(
          windows,
          parameters.map((value, i) => value + scale * (direction[i] as number)),
        );
      const epsilon = 1e-3;
      const numeric = ((await at(epsilon)) - (await at(-epsilon))) / (2 * epsilon);
      const analytic = gradient.reduce((sum, value, i) => sum + value * (direction[i] as number), 0);
      expect(Math.abs(analytic - numeric)).toBeLessThan(0.02 * Math.abs(numeric) + 2e-3);
    }
    await trainer.close();
  });
});

describe('a trained model', () => {
  it('computes, as Hugging Face’s Llama, what training computed, and is the same from a GGUF file', async () => {
    const parameters = initialParameters(MICRO, 4);
    const model = trainedModel(MICRO, parameters, tinyTokenizer(), 'notice');
    const embedding = model.tensor(WEIGHTS.embedding);
    const ids = randomDocuments(1, 9).flat().slice(0, 8);
    const plan = planSingle(MICRO);
    const logits = referenceLogits(
      {
        config: MICRO,
        embedding,
        head: embedding,
        finalNorm: model.tensor(WEIGHTS.finalNorm),
        layers: Array.from({ length: MICRO.layers }, (_, layer) => readLayer(model, layer)),
      },
      ids,
      plan.segments,
      plan.segments.map(() => true),
    );
    let expected = 0;
    for (let i = 0; i + 1 < ids.length; i++) {
      const row = logits[i] ?? [];
      const mass = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
      expected += (mass - (row[ids[i + 1] ?? 0] ?? 0)) / (ids.length - 1);
    }
    const trainer = await WeightTrainer.open(MICRO, { batch: 1, tokens: ids.length }, 1);
    const window = new TokenWindows([ids], ids.length).window(0);
    expect(await trainer.loss([window], parameters)).toBeCloseTo(expected, 4);
    await trainer.close();

    const path = join(temporaryFolder(), 'micro.gguf');
    writeGguf(model, path, 'F32');
    const opened = unwrap(await openGguf(path));
    for (const name of expectedWeights(MICRO).keys())
      expect(opened.tensor(name), name).toEqual(model.tensor(name));
    expect(opened.config).toEqual({ ...MICRO, rmsNormEps: Math.fround(MICRO.rmsNormEps) });
    expect(opened.licence).toEqual({ spdx: 'apache-2.0', notice: 'notice' });
    expect(JSON.parse(opened.tokenizer.json)).toMatchObject({
      model: { vocab: (JSON.parse(tinyTokenizer().json) as { model: { vocab: object } }).model.vocab },
    });
    opened.close();
  });
});
