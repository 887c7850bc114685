import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { ModelConfig } from '../../core/model-config.ts';
import { ok, type Result } from '../../core/result.ts';
import { ADAMW, adamWState, adamWStep } from '../training/adamw.ts';
import { learningRateAt, type TrainingSettings } from './built-in-model.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { initialParameters, parameterLayout } from './parameters.ts';
import { trainingOrder, type TokenWindow, type TokenWindows } from './token-windows.ts';
import { WeightTrainer } from './weight-trainer.ts';

export interface TrainingRun {
  readonly config: ModelConfig;
  readonly settings: TrainingSettings;
  readonly training: TokenWindows;
  readonly heldOut: TokenWindows;
  /** Of the text; a checkpoint of other text is refused. */
  readonly dataSha256: string;
  /** Holds the checkpoint. */
  readonly workFolder: string;
  readonly threads: number;
}

export interface TrainingStep {
  /** Steps done. */
  readonly step: number;
  readonly steps: number;
  /** Nats per token of this step's windows, before its update. */
  readonly loss: number;
  readonly gradientNorm: number;
  /** Nats per token of the held-out windows where they were just measured. */
  readonly heldOutLoss: number | null;
  readonly etaSeconds: number;
}

export interface TrainedParameters {
  readonly parameters: Float32Array;
  readonly steps: number;
  readonly tokens: number;
  readonly heldOutLoss: number;
}

/** What a checkpoint must share with the run that goes on from it. The number of steps is free: see `learningRateAt`. */
function identityOf({ config, settings, dataSha256 }: TrainingRun): string {
  const { steps: _steps, checkpointEvery: _every, decayShare: _share, ...rest } = settings;
  return createHash('sha256').update(JSON.stringify({ config, rest, dataSha256 })).digest('hex');
}

/** 1 where weight decay applies: matrices, not norms. */
function decayMask(config: ModelConfig): Uint8Array {
  const { total, entries } = parameterLayout(config);
  const mask = new Uint8Array(total);
  for (const { dims, offset, length } of entries) if (dims.length > 1) mask.fill(1, offset, offset + length);
  return mask;
}

/**
 * Trains a model from random weights, or goes on from the checkpoint in the work folder; a run that was
 * killed and resumed ends with the same weights as one that was not. Failures: those of `readCheckpoint`.
 * An aborted signal ends it with the checkpoint written.
 */
export async function trainBuiltIn(
  run: TrainingRun,
  onStep: (step: TrainingStep) => void = () => undefined,
  signal?: AbortSignal,
): Promise<Result<TrainedParameters>> {
  const { config, settings, training, heldOut } = run;
  const { windowsPerStep, steps, weightDecay, betas, clipNorm } = settings;
  const path = join(run.workFolder, 'checkpoint.bin');
  const identity = identityOf(run);
  const resumed = readCheckpoint(path, identity);
  if (!resumed.ok) return resumed;
  const [parameters = initialParameters(config, settings.seed), first, second] = resumed.value?.arrays ?? [];
  const fresh = adamWState(parameters.length);
  const state = {
    step: resumed.value?.step ?? 0,
    first: first ?? fresh.first,
    second: second ?? fresh.second,
  };
  const optimizer = { ...ADAMW, beta1: betas[0], beta2: betas[1], weightDecay, clipNorm };
  const decayed = decayMask(config);
  const order = trainingOrder(training.count, settings.seed);
  const trainer = await WeightTrainer.open(
    config,
    { batch: windowsPerStep, tokens: training.windowTokens },
    run.threads,
  );
  const save = (): void =>
    writeCheckpoint(path, identity, { step: state.step, arrays: [parameters, state.first, state.second] });
  const heldOutLoss = (): Promise<number> => meanLoss(trainer, heldOut, windowsPerStep, parameters);
  try {
    const startedAt = performance.now();
    const startedFrom = state.step;
    while (state.step < steps) {
      if (signal?.aborted === true) {
        save();
        signal.throwIfAborted();
      }
      const windows: TokenWindow[] = [];
      for (let i = 0; i < windowsPerStep; i++)
        windows.push(training.window(order(state.step * windowsPerStep + i)));
      const { loss, gradient } = await trainer.gradient(windows, parameters);
      if (!Number.isFinite(loss)) throw new RangeError(`step ${state.step}: the loss is ${loss}`);
      const rate = learningRateAt(state.step, settings);
      const gradientNorm = adamWStep(parameters, gradient, state, rate, optimizer, decayed);
      const pause = state.step % settings.checkpointEvery === 0 || state.step === steps;
      if (pause) save();
      const measured = pause ? await heldOutLoss() : null;
      const secondsPerStep = (performance.now() - startedAt) / 1000 / (state.step - startedFrom);
      const etaSeconds = (steps - state.step) * secondsPerStep;
      onStep({ step: state.step, steps, loss, gradientNorm, heldOutLoss: measured, etaSeconds });
    }
    return ok({
      parameters,
      steps: state.step,
      tokens: state.step * windowsPerStep * training.windowTokens,
      heldOutLoss: await heldOutLoss(),
    });
  } finally {
    await trainer.close();
  }
}

async function meanLoss(
  trainer: WeightTrainer,
  windows: TokenWindows,
  batch: number,
  parameters: Float32Array,
): Promise<number> {
  const batches = Math.floor(windows.count / batch);
  let sum = 0;
  for (let b = 0; b < batches; b++)
    sum += await trainer.loss(
      Array.from({ length: batch }, (_, i) => windows.window(b * batch + i)),
      parameters,
    );
  return sum / batches;
}
