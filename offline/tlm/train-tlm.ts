import { seededRandom, shuffled } from '../../core/random.ts';
import { fromCheckpoint, startBest, toCheckpoint } from '../recovery/best-state.ts';
import { readCheckpoint, writeCheckpoint } from '../recovery/checkpoint.ts';
import { ADAMW, adamWStep, learningRateAt, type AdamWOptions } from '../training/adamw.ts';
import type { TlmExample } from './tlm-task.ts';
import type { TlmTrainer } from './tlm-trainer.ts';

export interface TrainTlmOptions<Example extends TlmExample> {
  readonly trainer: TlmTrainer<Example>;
  /** To begin with, [`tlmLayout(...).total`]; not changed. */
  readonly parameters: Float32Array;
  /** Examples of each step, see {@link tlmBatches}. */
  readonly batchAt: (step: number) => readonly Example[];
  readonly steps: number;
  readonly learningRate: { readonly peak: number; readonly warmUpSteps: number; readonly floor: number };
  readonly adamW?: AdamWOptions;
  /** Measured every `every` steps and at the end; the parameters with the least loss win. Null: the last ones. */
  readonly heldOut?: { readonly batches: readonly (readonly Example[])[]; readonly every: number } | null;
  /** Where a killed run goes on from; `identity` names the settings and the data. */
  readonly checkpoint?: { readonly path: string; readonly identity: string; readonly every: number } | null;
  readonly onStep?: (progress: TlmStep) => void;
  readonly signal?: AbortSignal;
}

export interface TlmStep {
  /** Steps done. */
  readonly step: number;
  readonly loss: number;
  /** Null where it was not measured after this step. */
  readonly heldOutLoss: number | null;
}

export interface TrainedTlm {
  readonly parameters: Float32Array;
  /** Of these parameters; null without held-out batches. */
  readonly heldOutLoss: number | null;
  /** After which they were taken. */
  readonly step: number;
}

/**
 * Trains one of the TLM's heads. Equal options give equal parameters, killed in between or not (with one thread).
 * Throws the signal's reason when it is aborted; what was done until the last checkpoint is kept.
 */
export async function trainTlm<Example extends TlmExample>(
  options: TrainTlmOptions<Example>,
): Promise<TrainedTlm> {
  const { trainer, steps, signal } = options;
  const checkpoint = options.checkpoint ?? null;
  const heldOut = options.heldOut ?? null;
  const resumed = checkpoint === null ? null : readCheckpoint(checkpoint.path, checkpoint.identity);
  const state = fromCheckpoint(resumed) ?? startBest(trainer.pack(options.parameters), Infinity);
  const { optimizer, best } = state;
  const all = options.parameters.slice();
  trainer.unpack(state.parameters, all);
  let { bestLoss, bestStep } = state;
  while (optimizer.step < steps) {
    signal?.throwIfAborted();
    const { loss, gradient } = await trainer.gradient(options.batchAt(optimizer.step), all);
    if (!Number.isFinite(loss)) throw new RangeError(`the loss of step ${optimizer.step} is ${loss}`);
    const rate = learningRateAt(optimizer.step, { ...options.learningRate, steps });
    adamWStep(state.parameters, gradient, optimizer, rate, options.adamW ?? ADAMW);
    trainer.unpack(state.parameters, all);
    const { step } = optimizer;
    let heldOutLoss: number | null = null;
    if (heldOut !== null && (step % heldOut.every === 0 || step === steps)) {
      heldOutLoss = await meanLoss(trainer, heldOut.batches, all, signal);
      if (heldOutLoss < bestLoss) {
        [bestLoss, bestStep] = [heldOutLoss, step];
        best.set(state.parameters);
      }
    }
    if (checkpoint !== null && (step % checkpoint.every === 0 || step === steps))
      writeCheckpoint(checkpoint.path, checkpoint.identity, toCheckpoint({ ...state, bestLoss, bestStep }));
    options.onStep?.({ step, loss, heldOutLoss });
  }
  const measured = Number.isFinite(bestLoss);
  trainer.unpack(measured ? best : state.parameters, all);
  return {
    parameters: all,
    heldOutLoss: measured ? bestLoss : null,
    step: measured ? bestStep : optimizer.step,
  };
}

/** Mean over batches, each counting alike. */
export async function meanLoss<Example extends TlmExample>(
  trainer: TlmTrainer<Example>,
  batches: readonly (readonly Example[])[],
  parameters: Float32Array,
  signal?: AbortSignal,
): Promise<number> {
  let sum = 0;
  for (const batch of batches) {
    signal?.throwIfAborted();
    sum += await trainer.loss(batch, parameters);
  }
  return sum / batches.length;
}

/** What a batch has room for. */
export interface TlmBatchRoom {
  readonly rows: number;
  readonly examples: number;
}

/** Examples one after the other in batches as full as they get. Throws on one that has more rows than a batch. */
export function packBatches<Example extends TlmExample>(
  examples: readonly Example[],
  { rows, examples: most }: TlmBatchRoom,
): Example[][] {
  const batches: Example[][] = [];
  let batch: Example[] = [];
  let used = 0;
  for (const example of examples) {
    if (example.inputs.rows > rows)
      throw new RangeError(`an example of ${example.inputs.rows} rows does not fit into ${rows}`);
    if (used + example.inputs.rows > rows || batch.length === most) {
      batches.push(batch);
      [batch, used] = [[], 0];
    }
    batch.push(example);
    used += example.inputs.rows;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

/** Batches over all examples, in a new order each time around; the same for equal seeds at every step. */
export function tlmBatches<Example extends TlmExample>(
  examples: readonly Example[],
  room: TlmBatchRoom,
  seed: number,
): (step: number) => readonly Example[] {
  if (examples.length === 0) throw new RangeError('nothing to train on');
  const random = seededRandom(seed);
  const batches: Example[][] = [];
  return (step) => {
    while (batches.length <= step) batches.push(...packBatches(shuffled(examples, random), room));
    return batches[step] ?? [];
  };
}
