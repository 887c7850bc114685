import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BundleManifest, Variant } from '../../core/bundle-manifest.ts';
import { parseManifest } from '../../core/bundle-manifest.ts';
import { normalSample, seededRandom } from '../../core/random.ts';
import { unwrap } from '../../core/result.ts';
import { STATIC_DIMS, STATIC_GRAPH, staticLayers } from '../../core/static-prefill.ts';
import { GraphBuilder } from '../../offline/graph/graph-builder.ts';
import { storeLinear, type LinearForm } from '../../offline/graph/linear.ts';
import { emitStoredMatrix } from '../../offline/graph/static-prefill/stored-matrix.ts';
import { WeightsFile } from '../../offline/graph/weights-file.ts';
import { dequantizeBlocks, quantizeBlocks4, quantizeBlocks8 } from '../../offline/quantize/block-wise.ts';
import { dequantizePerChannel, quantizePerChannel } from '../../offline/quantize/per-channel.ts';
import { makeTinyBundle, type TinyBundle } from '../device-agent/support/tiny-bundle.ts';
import { refusedNodes, runTimeNodes } from './support/nnapi-operators.ts';
import { readOnnx, type ReadGraph } from './support/read-onnx.ts';
import { temporaryFolder } from './support/test-files.ts';
import { tinyFamily, type Family } from './support/tiny-architectures.ts';

const ADAPTER = { sites: ['o', 'mlp'] as const, rank: 2, bias: true };

describe.each<[Family, Variant, boolean]>([
  ['SmolLM2', 'int8', true],
  ['Qwen2 with eight KV heads', 'q4', false],
  ['Qwen3 with eight KV heads', 'q8', true],
  ['Mistral', 'f32', false],
])('static prefill graphs of %s as %s', (family, variant, recovered) => {
  let bundle: TinyBundle;
  let graphs: { readonly level: number; readonly prefix: number; readonly graph: ReadGraph }[];
  beforeAll(async () => {
    const adapter = recovered ? { adapter: { ...ADAPTER, sites: [...ADAPTER.sites] } } : {};
    bundle = await makeTinyBundle(variant, { model: tinyFamily(family), ...adapter });
    const { manifest, dir } = bundle;
    graphs = (manifest.staticPrefill?.levels ?? []).map(({ level, graph }) => ({
      level,
      prefix: manifest.levels.find((entry) => entry.level === level)?.prefix ?? 0,
      graph: readOnnx(readFileSync(join(dir, graph))),
    }));
  });
  afterAll(() => bundle.remove());

  it('are there for every level', () => {
    expect(graphs.map(({ level }) => level)).toEqual(bundle.manifest.levels.map(({ level }) => level));
  });

  it('have nothing at run time that NNAPI was not seen to take', () => {
    for (const { graph } of graphs) {
      expect(refusedNodes(graph)).toEqual([]);
      expect(runTimeNodes(graph).nodes.length).toBeGreaterThan(10);
      expect(graph.nodes.every(({ domain }) => domain === '')).toBe(true);
    }
  });

  it('are fed float32 with no other open dims than tokens and past', () => {
    const open = new Set<number | string>(Object.values(STATIC_DIMS));
    for (const { graph, prefix } of graphs) {
      const layers = staticLayers(bundle.manifest, prefix);
      const past = layers
        .slice(0, -1)
        .flatMap(({ layer }) => [STATIC_GRAPH.pastKey(layer), STATIC_GRAPH.pastValue(layer)]);
      const { rows, cos, sin, mask } = STATIC_GRAPH;
      expect(graph.inputs.map(({ name }) => name)).toEqual([rows, cos, sin, mask, ...past]);
      for (const { elementType, dims } of [...graph.inputs, ...graph.outputs]) {
        expect(elementType).toBe(1);
        expect(dims.every((dim) => (typeof dim === 'number' ? dim > 0 : open.has(dim)))).toBe(true);
      }
    }
  });

  it('have no more products than the layers up to the last with attention need', () => {
    for (const { graph, prefix } of graphs) {
      const layers = staticLayers(bundle.manifest, prefix);
      const last = layers.at(-1)?.layer ?? 0;
      const products = runTimeNodes(graph).nodes.filter(({ op }) => op === 'Gemm').length;
      // q/k/v and o per layer with attention, gate, up, down and an adapter's low rank per layer.
      expect(products).toBeLessThanOrEqual(2 * layers.length - 1 + 4 * last);
    }
  });

  it('are listed with size and hash, and a manifest whose graph is not listed is refused', () => {
    const { manifest, dir } = bundle;
    const paths = [
      manifest.staticPrefill?.embedding ?? '',
      ...(manifest.staticPrefill?.levels ?? []).map(({ graph }) => graph),
    ];
    for (const path of paths)
      expect(manifest.files.find((file) => file.path === path)?.sizeBytes).toBe(
        statSync(join(dir, path)).size,
      );
    const without: BundleManifest = {
      ...manifest,
      files: manifest.files.filter(({ path }) => path !== paths[1]),
    };
    expect(parseManifest(JSON.stringify(without), 'x')).toMatchObject({
      ok: false,
      failure: { message: expect.stringContaining(`${paths[1]} is not listed`) },
    });
  });
});

it('a bundle made before there were static graphs is still read', async () => {
  const bundle = await makeTinyBundle('f32');
  const { staticPrefill, ...old } = bundle.manifest;
  expect(staticPrefill).toBeDefined();
  expect(unwrap(parseManifest(JSON.stringify(old), 'x')).staticPrefill).toBeUndefined();
  bundle.remove();
});

describe('a stored matrix as a constant', () => {
  // Whole blocks, an odd number of blocks (4-bit zeros come in pairs), and rows that end inside of a block.
  it.each<[LinearForm, number]>(
    (['f32', 'int8', 'block8', 'block4'] as const).flatMap((form) =>
      [128, 96, 70].map((width): [LinearForm, number] => [form, width]),
    ),
  )('of form %s and %i columns is what the stored values stand for', async (form, width) => {
    const height = 6;
    const random = seededRandom(width);
    const weights = Float32Array.from({ length: height * width }, () => normalSample(random));
    const expected = {
      f32: () => weights,
      int8: () => dequantizePerChannel(quantizePerChannel(weights, height)),
      block8: () => dequantizeBlocks(quantizeBlocks8(weights, height), height, width),
      block4: () => dequantizeBlocks(quantizeBlocks4(weights, height), height, width),
    }[form]();
    const folder = temporaryFolder();
    const file = new WeightsFile(join(folder, 'weights.bin'));
    const linear = storeLinear(file, 'product', form, weights, height);
    file.close();
    const graph = GraphBuilder.create(file.catalog, 'weights.bin');
    graph.input('x', 'float32', [1]);
    graph.node('Mul', [emitStoredMatrix(graph, linear), 'x'], ['out']);
    graph.output('out', 'float32', [height, width]);
    const bytes = graph.encode('matrix');
    const session = await ort.InferenceSession.create(bytes, {
      extra: { session: { model_external_initializers_file_folder_path: folder } },
    });
    const { out } = await session.run({ x: new ort.Tensor('float32', Float32Array.of(1), [1]) });
    expect(out?.dims).toEqual([height, width]);
    expect(out?.data).toEqual(expected);
    await session.release();
  });
});
