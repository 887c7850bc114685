import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { StaticGraph } from '../differentiate/static-graph.ts';
import { f32Session } from '../graph/offline-session.ts';
import { batchFeeds, type WindowIds } from '../training/batch-feeds.ts';
import { emitDecoderForward } from '../training/decoder-forward.ts';
import { fullShape } from '../training/layer-shape.ts';
import { storedWeights, TRAINING_WEIGHTS_FILE, type TrainingWeights } from '../training/training-weights.ts';

/** 1 - cos of the angle between the rows of two [N, hidden] values, averaged over rows: a scalar. */
function emitTurn(graph: StaticGraph, before: string, after: string): string {
  const dot = (a: string, b: string): string =>
    graph.op('ReduceSum', [graph.op('Mul', [a, b]), graph.ints(1)], { keepdims: 0 });
  const sizes = graph.op('Sqrt', [graph.op('Mul', [dot(before, before), dot(after, after)])]);
  const cosine = graph.op('Div', [dot(before, after), sizes]);
  const mean = graph.op('ReduceMean', [cosine], { axes: [0], keepdims: 1 });
  return graph.op('Sub', [graph.floats(1), mean]);
}

/**
 * Block Influence of every layer (ShortGPT, 2403.03853): how far the layer turns the residual stream, 1 - cosine of
 * its input and output, mean over tokens and windows.
 *
 * @param windows all of one length
 * @param onProgress 0..1; may throw to cancel
 */
export async function layerInfluence(
  weights: TrainingWeights,
  windows: readonly WindowIds[],
  onProgress: (fraction: number) => void = () => undefined,
): Promise<number[]> {
  const { config } = weights;
  const tokens = windows[0]?.ids.length ?? 0;
  const graph = StaticGraph.create(weights.catalog, TRAINING_WEIGHTS_FILE);
  const { stream } = emitDecoderForward(graph, storedWeights(graph, weights), {
    config,
    layers: fullShape(config),
    batch: 1,
    tokens,
    adapter: null,
    masks: false,
  });
  // The stream is read before each layer's attention, before its MLP, and at the end.
  const turns = Array.from({ length: config.layers }, (_, layer) =>
    emitTurn(graph, stream[2 * layer] ?? '', stream[2 * layer + 2] ?? ''),
  );
  graph.output(graph.op('Concat', turns, { axis: 0 }), 'influence');
  const path = join(weights.folder, 'layer-influence.onnx');
  writeFileSync(path, graph.encode('layer-influence'));
  const session = await InferenceSession.create(path, f32Session(config, weights.device));
  try {
    const sums = Array.from({ length: config.layers }, () => 0);
    for (const [index, window] of windows.entries()) {
      const { influence } = await session.run(batchFeeds([window], tokens));
      for (const [layer, value] of (influence?.data as Float32Array).entries())
        sums[layer] = (sums[layer] ?? 0) + value / windows.length;
      onProgress((index + 1) / windows.length);
    }
    return sums;
  } finally {
    await session.release();
  }
}
