import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tensor, type InferenceSession } from 'onnxruntime-node';
import type { BundleManifest } from '../../../core/bundle-manifest.ts';
import type { Level } from '../../../core/level.ts';
import { fail, ok, type Result } from '../../../core/result.ts';
import {
  causalMask,
  queriesPerGroup,
  rotaryRows,
  STATIC_DIMS,
  STATIC_GRAPH,
  staticLayers,
  type StaticLayer,
} from '../../../core/static-prefill.ts';
import type { KvCache } from '../kv-cache.ts';
import { firstLine } from '../open-session.ts';
import { concreteGraph } from './concrete-graph.ts';

/** The shapes of one session: tokens of a chunk, and rows of the past; null = as many as there are. */
export interface StaticShape {
  readonly chunk: number;
  readonly past: number | null;
}

/** A level's graph in one shape, and how a session over it is opened. */
export interface StaticGraph {
  readonly model: Uint8Array;
  readonly options: Pick<InferenceSession.SessionOptions, 'extra'>;
  readonly layers: readonly StaticLayer[];
}

/** Failures: `static-graph-missing` (the bundle has none for this level), `bundle-corrupt`. */
export async function readStaticGraph(
  bundleDir: string,
  manifest: BundleManifest,
  level: Level,
  { chunk, past }: StaticShape,
): Promise<Result<StaticGraph>> {
  const file = manifest.staticPrefill?.levels.find((entry) => entry.level === level)?.graph;
  const prefix = manifest.levels.find((entry) => entry.level === level)?.prefix;
  if (file === undefined || prefix === undefined)
    return fail(
      'static-graph-missing',
      `This bundle has no static prefill graph of level ${level}.`,
      'Make the bundle again with this version; until then the CPU prefills.',
    );
  const path = join(bundleDir, file);
  const dims = {
    [STATIC_DIMS.tokens]: chunk,
    [STATIC_DIMS.queries]: chunk * queriesPerGroup(manifest.model),
    ...(past === null ? {} : { [STATIC_DIMS.past]: past, [STATIC_DIMS.total]: past + chunk }),
  };
  try {
    return ok({
      model: concreteGraph(await readFile(path), dims),
      options: { extra: { session: sessionConfig(bundleDir) } },
      layers: staticLayers(manifest, prefix),
    });
  } catch (error) {
    return fail('bundle-corrupt', `${path} cannot be read: ${firstLine(error)}.`, 'Push the bundle again.');
  }
}

/**
 * A model that comes as bytes has no folder of its own to find its weights in; quantized weights are made float32 once,
 * when the session opens; and threads that spin on after a chunk would take the cores from the engine, which runs next.
 */
function sessionConfig(bundleDir: string): Record<string, string> {
  return {
    model_external_initializers_file_folder_path: bundleDir,
    disable_quant_qdq: '1',
    force_spinning_stop: '1',
  };
}

/**
 * What a chunk is fed: embedding rows [chunk, hidden] at position `cache.length`, behind the cache's rows.
 *
 * @param buffer reused for the past's rows where the shape is fixed; see {@link pastBuffer}
 */
export function chunkFeeds(
  manifest: BundleManifest,
  layers: readonly StaticLayer[],
  shape: StaticShape,
  rows: Float32Array,
  cache: KvCache,
  buffer: Float32Array | null,
): Record<string, Tensor> {
  const { model } = manifest;
  const { chunk } = shape;
  const past = shape.past ?? cache.length;
  const { cos, sin } = rotaryRows(model, cache.length, chunk);
  const queries = queriesPerGroup(model);
  const feeds: Record<string, Tensor> = {
    [STATIC_GRAPH.rows]: new Tensor('float32', rows, [chunk, model.hiddenSize]),
    [STATIC_GRAPH.cos]: new Tensor('float32', cos, [chunk, 1, model.headDim]),
    [STATIC_GRAPH.sin]: new Tensor('float32', sin, [chunk, 1, model.headDim]),
    [STATIC_GRAPH.mask]: new Tensor('float32', causalMask(queries, chunk, cache.length, past), [
      1,
      queries * chunk,
      past + chunk,
    ]),
  };
  const target = buffer ?? pastBuffer(manifest, layers, past);
  let offset = 0;
  for (const { layer, places, groups } of layers.slice(0, -1))
    for (const [name, side] of [
      [STATIC_GRAPH.pastKey(layer), cache.keys],
      [STATIC_GRAPH.pastValue(layer), cache.values],
    ] as const) {
      const size = groups * past * model.headDim;
      const view = target.subarray(offset, offset + size);
      cache.copyRows(side, places, view, past);
      feeds[name] = new Tensor('float32', view, [groups, past, model.headDim]);
      offset += size;
    }
  return feeds;
}

/** Room for the past's rows of all layers. */
export function pastBuffer(
  manifest: BundleManifest,
  layers: readonly StaticLayer[],
  past: number,
): Float32Array {
  const groups = layers.slice(0, -1).reduce((sum, layer) => sum + layer.groups, 0);
  return new Float32Array(2 * groups * past * manifest.model.headDim);
}
