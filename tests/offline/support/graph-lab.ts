import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { adapterInputs } from '../../../core/adapter-inputs.ts';
import type { Variant } from '../../../core/bundle-manifest.ts';
import { gatedSegments, GRAPH, segmentsOnAt } from '../../../core/elastic-graph.ts';
import { seededRandom, shuffled } from '../../../core/random.ts';
import type { AdapterParameters, AdapterShape, RuntimeSite } from '../../../core/recovery-adapter.ts';
import { writeDecoderGraph, type Gating } from '../../../offline/graph/decoder-graph.ts';
import { storeDecoder, VARIANT_FORMS } from '../../../offline/graph/decoder-weights.ts';
import { promptFeeds } from '../../../offline/graph/model-feeds.ts';
import { WeightsFile } from '../../../offline/graph/weights-file.ts';
import type { LayerImportance, UnitImportance } from '../../../offline/importance/unit-importance.ts';
import { planLevels, type LevelPlan } from '../../../offline/levels/level-plan.ts';
import { rankCells } from '../../../offline/levels/rank-cells.ts';
import { readLayer, reorderLayer } from '../../../offline/levels/reorder.ts';
import { WEIGHTS, type LayerTensors, type SourceModel } from '../../../offline/sources/source-model.ts';
import type { ReferenceModel } from './reference-llama.ts';
import { orderUnits } from '../../../offline/importance/unit-importance.ts';

/** Importance drawn at random, so that no test depends on the model's own order. */
export function randomImportance(model: SourceModel, seed: number): UnitImportance {
  const random = seededRandom(seed);
  const layer = (): LayerImportance => ({
    neurons: Float32Array.from({ length: model.config.ffnSize }, random),
    kvGroups: Float32Array.from({ length: model.config.kvHeads }, random),
    mlp: random(),
    attention: random(),
  });
  return { method: 'random', layers: Array.from({ length: model.config.layers }, layer) };
}

/** A model cut into levels and written as graphs into a temporary folder. */
export class GraphLab {
  readonly plan: LevelPlan;
  readonly reference: ReferenceModel;
  readonly #folder = mkdtempSync(join(tmpdir(), 'bungee-graph-'));
  readonly #model: SourceModel;
  readonly #adapter: AdapterShape<RuntimeSite> | null;
  readonly #sessions = new Map<string, ort.InferenceSession>();

  constructor(
    model: SourceModel,
    change: (tensors: LayerTensors, layer: number) => LayerTensors = (tensors) => tensors,
    adapter: AdapterShape<RuntimeSite> | null = null,
    planOf: (importance: UnitImportance) => LevelPlan = (importance) =>
      planLevels(model.config, rankCells(model.config, importance)),
  ) {
    this.#adapter = adapter;
    const importance = randomImportance(model, 5);
    const orders = orderUnits(importance);
    this.#model = model;
    this.plan = planOf(importance);
    this.reference = {
      config: model.config,
      embedding: model.tensor(WEIGHTS.embedding),
      head: model.tensor(model.config.tiedEmbedding ? WEIGHTS.embedding : WEIGHTS.head),
      finalNorm: model.tensor(WEIGHTS.finalNorm),
      layers: orders.map((order, layer) =>
        reorderLayer(model.config, change(readLayer(model, layer), layer), order),
      ),
    };
  }

  async session(variant: Variant, gating: Gating): Promise<ort.InferenceSession> {
    const key = `${variant}-${gating}`;
    const known = this.#sessions.get(key);
    if (known !== undefined) return known;
    const weightsFile = `${key}.bin`;
    const file = new WeightsFile(join(this.#folder, weightsFile));
    const { config } = this.#model;
    const layered = {
      config,
      tensor: this.#model.tensor,
      layer: (layer: number): LayerTensors => this.reference.layers[layer] as LayerTensors,
    };
    const weights = storeDecoder(file, layered, this.plan.segments, VARIANT_FORMS[variant], () => undefined);
    file.close();
    const graph = writeDecoderGraph({
      config,
      plan: this.plan,
      weights,
      catalog: file.catalog,
      weightsFile,
      gating,
      adapter: this.#adapter,
    });
    const path = join(this.#folder, `${key}.onnx`);
    writeFileSync(path, graph);
    const session = await ort.InferenceSession.create(path, { intraOpNumThreads: 1 });
    this.#sessions.set(key, session);
    return session;
  }

  /** Which segments a prefix of the ranking switches on. */
  on(prefix: number): boolean[] {
    return segmentsOnAt(this.plan, prefix);
  }

  async run(
    variant: Variant,
    gating: Gating,
    tokens: readonly number[],
    on: readonly boolean[],
    logitsStart = 0,
    adapter: AdapterParameters | null = null,
  ): Promise<{ logits: ort.Tensor; kvDelta: ort.Tensor }> {
    const session = await this.session(variant, gating);
    const switches = gatedSegments(this.plan).map((segment) => (on[segment] === true ? 1 : 0));
    const { config } = this.#model;
    const feeds = promptFeeds(config, this.plan.segments, tokens, logitsStart, switches);
    for (const { name, dims, data } of this.#adapter === null
      ? []
      : adapterInputs(config, this.#adapter, adapter))
      feeds[name] = new ort.Tensor('float32', data, dims);
    const result = await session.run(feeds);
    return { logits: result[GRAPH.logits] as ort.Tensor, kvDelta: result[GRAPH.kvDelta] as ort.Tensor };
  }

  async close(): Promise<void> {
    for (const session of this.#sessions.values()) await session.release();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export function someTokens(count: number, vocabSize: number, seed = 3): number[] {
  const ids = Array.from({ length: vocabSize }, (_, i) => i);
  return shuffled(ids, seededRandom(seed)).slice(0, count);
}

/** Largest absolute difference of two equally long lists. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`${a.length} and ${b.length} values`);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs((a[i] ?? 0) - (b[i] ?? 0)));
  return largest;
}
