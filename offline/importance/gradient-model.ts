import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { ModelConfig } from '../../core/model-config.ts';
import { differentiate } from '../differentiate/differentiate.ts';
import { StaticGraph } from '../differentiate/static-graph.ts';
import { f32Session } from '../graph/offline-session.ts';
import { batchFeeds, type WindowIds } from '../training/batch-feeds.ts';
import { emitDecoderForward, INPUT } from '../training/decoder-forward.ts';
import { fullShape, type UnitMatrix } from '../training/layer-shape.ts';
import { emitLoss, LOSS_INPUT } from '../training/loss.ts';
import {
  storedHead,
  storedWeights,
  TRAINING_WEIGHTS_FILE,
  type TrainingWeights,
} from '../training/training-weights.ts';
import { zeroScores, type UnitScores } from './unit-scores.ts';

/** A window of calibration text; `lossWeights[i]` is the weight of predicting token i + 1 (the last is 0). */
export interface ImportanceWindow extends WindowIds {
  readonly lossWeights: Float32Array;
  /** Kind of text (prose, instructions, tasks): kinds count alike. */
  readonly domain: string;
}

/** What is differentiated: factors on the units' outputs, or their weights (then |W * dL/dW| comes out). */
export type GradientOf = 'masks' | 'weights';

/** Per-unit gradients of the uncut f32 model's next-token loss; one window a run. */
export class GradientModel {
  readonly #config: ModelConfig;
  readonly #tokens: number;
  readonly #session: InferenceSession;
  readonly #masks: Record<string, Tensor>;

  private constructor(
    config: ModelConfig,
    tokens: number,
    session: InferenceSession,
    masks: Record<string, Tensor>,
  ) {
    this.#config = config;
    this.#tokens = tokens;
    this.#session = session;
    this.#masks = masks;
  }

  /** @param weights the model in its own order of units. */
  static async open(weights: TrainingWeights, tokens: number, of: GradientOf): Promise<GradientModel> {
    const { config } = weights;
    const layers = fullShape(config);
    const graph = StaticGraph.create(weights.catalog, TRAINING_WEIGHTS_FILE);
    const { hidden } = emitDecoderForward(graph, storedWeights(graph, weights), {
      config,
      layers,
      batch: 1,
      tokens,
      adapter: null,
      masks: of === 'masks',
    });
    const head = storedHead(graph, weights);
    const loss = emitLoss(graph, hidden, head, 0);
    const perUnit =
      of === 'masks' ? maskGradients(graph, config, loss) : weightSaliences(graph, weights, loss);
    graph.output(loss, 'loss');
    graph.output(graph.op('Concat', perUnit, { axis: 0 }), 'scores');
    const path = join(weights.folder, `gradient-${of}.onnx`);
    writeFileSync(path, graph.encode('unit-gradients'));
    const session = await InferenceSession.create(path, f32Session(config, weights.device));
    return new GradientModel(config, tokens, session, of === 'masks' ? fullMasks(config) : {});
  }

  /** Loss of a window (mean over its counted tokens) and what each unit has to do with it. */
  async run(window: ImportanceWindow): Promise<{ loss: number; scores: UnitScores[] }> {
    const { loss, scores: packedScores } = await this.#session.run({
      ...batchFeeds([window], this.#tokens),
      ...nextTokenTargets(window),
      ...this.#masks,
    });
    const packed = packedScores?.data as Float32Array;
    const scores = zeroScores(this.#config);
    let at = 0;
    for (const { neurons, kvGroups } of scores)
      for (const values of [neurons, kvGroups]) {
        values.set(packed.subarray(at, at + values.length));
        at += values.length;
      }
    return { loss: (loss?.data as Float32Array)[0] as number, scores };
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}

function fullMasks(config: ModelConfig): Record<string, Tensor> {
  const masks: Record<string, Tensor> = {};
  const ones = (size: number): Float32Array => new Float32Array(size).fill(1);
  for (let layer = 0; layer < config.layers; layer++) {
    masks[INPUT.neuronMask(layer)] = new Tensor('float32', ones(config.ffnSize), [config.ffnSize]);
    masks[INPUT.groupMask(layer)] = new Tensor('float32', ones(config.kvHeads), [config.kvHeads, 1, 1, 1]);
  }
  return masks;
}

/** Targets of plain next-token loss, weights scaled to a sum of 1. */
function nextTokenTargets({ ids, lossWeights }: ImportanceWindow): Record<string, Tensor> {
  const total = lossWeights.reduce((sum, weight) => sum + weight, 0);
  const targets = BigInt64Array.from(ids, (_, i) => BigInt(ids[i + 1] ?? 0));
  const weights = lossWeights.map((weight) => (total > 0 ? weight / total : 0));
  return {
    [LOSS_INPUT.targets]: new Tensor('int64', targets, [ids.length, 1]),
    [LOSS_INPUT.targetWeights]: new Tensor('float32', weights, [ids.length, 1]),
  };
}

/** Per layer, in order: dL/d mask of the neurons [ffnSize] and of the KV groups [kvHeads]. */
function maskGradients(graph: StaticGraph, config: ModelConfig, loss: string): string[] {
  const masks = Array.from({ length: config.layers }, (_, layer) => [
    INPUT.neuronMask(layer),
    INPUT.groupMask(layer),
  ]).flat();
  const gradients = differentiate(graph, loss, masks);
  return masks.map((mask) => graph.op('Reshape', [gradients.get(mask) ?? '', graph.ints(-1)]));
}

/** Per layer, in order: sum of |W * dL/dW| over each neuron's weights [ffnSize] and each KV group's [kvHeads]. */
function weightSaliences(graph: StaticGraph, weights: TrainingWeights, loss: string): string[] {
  const { config } = weights;
  const [full] = fullShape(config);
  if (full === undefined) throw new RangeError('a model without layers');
  const matrices = ['gate', 'up', 'down', 'q', 'k', 'v', 'o'] as const;
  const value = (layer: number, matrix: UnitMatrix): string =>
    graph.weight(weights.part(layer, matrix, full));
  const layers = Array.from({ length: config.layers }, (_, layer) => layer);
  const gradients = differentiate(
    graph,
    loss,
    layers.flatMap((layer) => matrices.map((matrix) => value(layer, matrix))),
  );
  /** [units]: every matrix is stored with one run of rows per unit. */
  const perUnit = (layer: number, matrix: UnitMatrix, units: number): string => {
    const weight = value(layer, matrix);
    const salience = graph.op('Abs', [graph.op('Mul', [weight, gradients.get(weight) ?? ''])]);
    return graph.op('ReduceSum', [graph.op('Reshape', [salience, graph.ints(units, -1)]), graph.ints(1)], {
      keepdims: 0,
    });
  };
  const sum = (parts: readonly string[]): string =>
    parts.reduce((total, part) => graph.op('Add', [total, part]));
  return layers.flatMap((layer) => [
    sum((['gate', 'up', 'down'] as const).map((matrix) => perUnit(layer, matrix, config.ffnSize))),
    sum((['q', 'k', 'v', 'o'] as const).map((matrix) => perUnit(layer, matrix, config.kvHeads))),
  ]);
}
