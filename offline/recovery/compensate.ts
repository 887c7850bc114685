import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Level } from '../../core/level.ts';
import type { WindowIds } from '../training/batch-feeds.ts';
import { fullShape, type LayerShape } from '../training/layer-shape.ts';
import type { TrainingWeights } from '../training/training-weights.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { runHash } from './run-identity.ts';
import { decodeChange, encodeChange } from './change-blocks.ts';
import {
  compensationOf,
  finishedLayers,
  inBlocks,
  type Compensation,
  type LayerSolution,
  type SolvedLayer,
} from './compensated-layers.ts';
import { LayerPass } from '../layerwise/layer-pass.ts';
import { embed, inBatches, inverseSizes } from '../layerwise/layer-streams.ts';
import { measureMissing } from '../layerwise/measure-missing.ts';
import { MlpSums } from '../layerwise/mlp-sums.ts';

export interface CompensationLevel {
  readonly level: Level;
  readonly layers: readonly LayerShape[];
}

export interface CompensationOptions {
  readonly weights: TrainingWeights;
  /** Hash of the weights and of the order of their units. */
  readonly weightsIdentity: string;
  readonly levels: readonly CompensationLevel[];
  /** Text, all windows of one length; what fills no batch is left out. */
  readonly windows: readonly WindowIds[];
  readonly textIdentity: string;
  /** Finished layers are kept here. */
  readonly workFolder: string;
}

/** Of the mean of the Gram matrix's diagonal, added to it: keeps the change small where the text says nothing. */
const RIDGE = 0.01;

/**
 * How much a level's error counts: the upper ones are to stay close, and what the lowest miss is so much that it would
 * drown the rest.
 */
function levelWeight(level: Level): number {
  return level / (110 - level);
}

/**
 * Lets the neurons that are left stand in for those that are gone, in closed form: layer after layer, the one `down`
 * matrix that all levels share is changed so that each level's residual stream comes as near as it can to the full
 * model's (least squares over all levels, rows weighted by their size; OBS and its structured successors, such as ZipLM,
 * Kurtic et al. 2023, do so for one size). The levels' earlier layers are compensated already, so later ones make up for
 * what is left of their errors.
 *
 * Killed at any point it goes on behind the last finished layer and ends with the same.
 */
export async function compensate(
  options: CompensationOptions,
  onFraction: (fraction: number) => void,
  signal?: AbortSignal,
): Promise<Compensation> {
  const { weights, levels, workFolder } = options;
  const { config } = weights;
  const wholeModel = fullShape(config);
  if (levels.every(({ layers }) => nothingIsGone(layers, wholeModel))) return noChange(options);
  mkdirSync(workFolder, { recursive: true });
  const { batches, size, tokens } = inBatches(options.windows);
  const identity = runHash(
    { weights: options.weightsIdentity, text: options.textIdentity, windows: batches.length * size, tokens },
    levels.map(({ level, layers }) => ({ level, layers })),
  );
  const [whole] = wholeModel;
  if (whole === undefined || tokens === 0) throw new RangeError('nothing to compensate');
  const pathOf = (layer: number): string => join(workFolder, `compensation-${layer}.checkpoint`);
  const names = levels.map(({ level }) => level);
  const savedOf = (layer: number): LayerSolution | undefined =>
    readCheckpoint(pathOf(layer), identity)?.arrays;
  const finished = finishedLayers(savedOf, config.layers, names);
  if (finished !== null) return compensationOf(finished, names);
  const embedded = embed(weights, batches);
  let full = embedded;
  const streams = levels.map(() => embedded);
  const solved: SolvedLayer[] = [];
  const noBias = new Float32Array(config.hiddenSize);
  for (let layer = 0; layer < config.layers; layer++) {
    signal?.throwIfAborted();
    const passOf = (shape: LayerShape, statistics: 'none' | 'missing'): Promise<LayerPass> =>
      LayerPass.open({ weights, layer, shape, batch: size, tokens, statistics });
    const original = weights.read(`${layer}.down`);
    full = await advanceFull(await passOf(whole, 'none'), batches, full, original, noBias);
    const rowWeights = inverseSizes(full, config.hiddenSize);
    const saved = savedOf(layer);
    const sums: MlpSums[] = [];
    const passes = new Map<string, LayerPass>();
    try {
      const middles: Float32Array[][] = [];
      for (const [i, { layers }] of levels.entries()) {
        signal?.throwIfAborted();
        const shape = layers[layer] ?? { kvGroups: 0, neurons: 0 };
        const key = `${shape.kvGroups} ${shape.neurons}`;
        const pass = passes.get(key) ?? (await passOf(shape, saved === undefined ? 'missing' : 'none'));
        passes.set(key, pass);
        const stream = streams[i] as Float32Array[];
        if (saved === undefined) {
          const own = new MlpSums(shape.neurons, config.hiddenSize);
          middles.push(await measureMissing(pass, own, batches, stream, full, rowWeights));
          sums.push(own);
        } else middles.push(await middlesOf(pass, batches, stream));
        onFraction((layer + (i + 1) / (levels.length + 1)) / config.layers);
      }
      const made = saved ?? (await solveLayer(sums, levels, config.ffnSize, config.hiddenSize));
      if (saved === undefined) writeCheckpoint(pathOf(layer), identity, { numbers: {}, arrays: made });
      solved.push(inBlocks(made, names));
      const changed = (made['change'] as Float32Array).map((value, i) => value + (original[i] as number));
      for (const [i, { level, layers }] of levels.entries()) {
        const { kvGroups, neurons } = layers[layer] ?? { kvGroups: 0, neurons: 0 };
        const own = made[`bias ${level}`] as Float32Array;
        const pass = passes.get(`${kvGroups} ${neurons}`) as LayerPass;
        const kept = changed.subarray(0, neurons * config.hiddenSize);
        streams[i] = await aftersOf(pass, middles[i] as Float32Array[], kept, own);
      }
    } finally {
      for (const pass of passes.values()) await pass.close();
    }
    onFraction((layer + 1) / config.layers);
  }
  return compensationOf(solved, names);
}

function nothingIsGone(layers: readonly LayerShape[], full: readonly LayerShape[]): boolean {
  return full.every(
    ({ kvGroups, neurons }, i) => layers[i]?.kvGroups === kvGroups && layers[i]?.neurons === neurons,
  );
}

function noChange({ weights: { config }, levels }: CompensationOptions): Compensation {
  const none = encodeChange(new Float32Array(config.ffnSize * config.hiddenSize));
  const zeros = new Float32Array(config.hiddenSize);
  const each = <T>(value: T): T[] => Array.from({ length: config.layers }, () => value);
  return { down: each(none), bias: new Map(levels.map(({ level }) => [level, each(zeros)])) };
}

async function solveLayer(
  sums: readonly MlpSums[],
  levels: readonly CompensationLevel[],
  ffnSize: number,
  hiddenSize: number,
): Promise<LayerSolution> {
  const parts = sums.map((part, i) => ({
    part,
    weight: levelWeight((levels[i] as CompensationLevel).level),
  }));
  const exact = await MlpSums.solve(parts, ffnSize, hiddenSize, RIDGE);
  const change = decodeChange(encodeChange(exact), exact.length);
  return {
    change,
    ...Object.fromEntries(
      sums.map((part, i) => [`bias ${levels[i]?.level ?? ''}`, part.bias(change)] as const),
    ),
  };
}

/** The streams behind a layer's attention. */
async function middlesOf(
  pass: LayerPass,
  batches: readonly (readonly WindowIds[])[],
  streams: readonly Float32Array[],
): Promise<Float32Array[]> {
  const middles: Float32Array[] = [];
  for (const [b, windows] of batches.entries())
    middles.push(await pass.middle(windows, streams[b] as Float32Array));
  return middles;
}

/** The streams behind a layer, from those behind its attention. */
async function aftersOf(
  pass: LayerPass,
  middles: readonly Float32Array[],
  down: Float32Array,
  bias: Float32Array,
): Promise<Float32Array[]> {
  const after: Float32Array[] = [];
  for (const middle of middles) after.push(await pass.after(middle, down, bias));
  return after;
}

async function advanceFull(
  pass: LayerPass,
  batches: readonly (readonly WindowIds[])[],
  streams: readonly Float32Array[],
  down: Float32Array,
  bias: Float32Array,
): Promise<Float32Array[]> {
  try {
    return await aftersOf(pass, await middlesOf(pass, batches, streams), down, bias);
  } finally {
    await pass.close();
  }
}
