import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TLM_GRAPH, tlmLayout, type TlmConfig } from '../../core/tlm.ts';
import { emitEmbedding } from '../graph/embedding.ts';
import { GraphBuilder } from '../graph/graph-builder.ts';
import { WeightsFile, type WeightCatalog } from '../graph/weights-file.ts';
import { emitTlmInference } from './inference-graph.ts';
import { tlmView } from './tlm-parameters.ts';

export interface BundleTlmFiles {
  /** Names inside of the folder. */
  readonly graph: string;
  readonly weights: string;
}

/** What the TLM shares with the bundle's decoder: the embedding in its stored form. */
export interface BundleEmbedding {
  readonly catalog: WeightCatalog;
  /** Name of the bundle's weights file. */
  readonly weightsFile: string;
  /** Width of the LLM's embedding. */
  readonly inputSize: number;
}

/** Writes a bundle's TLM: its graph, and its parameters in f32, which the graph maps. */
export function writeBundleTlm(
  folder: string,
  files: BundleTlmFiles,
  config: TlmConfig,
  parameters: Float32Array,
  embedding: BundleEmbedding,
): void {
  const { inputSize } = embedding;
  const { entries, total } = tlmLayout(config, inputSize);
  if (parameters.length !== total)
    throw new RangeError(`${parameters.length} TLM parameters instead of ${total}`);
  const weights = new WeightsFile(join(folder, files.weights));
  for (const entry of entries) weights.add(entry.name, 'float32', entry.dims, tlmView(parameters, entry));
  weights.finish();
  const graph = GraphBuilder.create(embedding.catalog, embedding.weightsFile);
  emitTlmInference(graph, {
    config,
    parameter: (name) => {
      const stored = weights.catalog.get(name);
      if (stored === undefined) throw new RangeError(`the TLM has no parameter ${name}`);
      return graph.mapped(`tlm.${name}`, files.weights, stored);
    },
    embed: (writer) => {
      const ones = new Float32Array(inputSize).fill(1);
      const weight = graph.constant('input_ones', 'float32', [inputSize], ones);
      return writer.rmsNorm(emitEmbedding(graph, TLM_GRAPH.inputIds, 'embedded'), weight);
    },
  });
  writeFileSync(join(folder, files.graph), graph.encode('tlm'));
}
