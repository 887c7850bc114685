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
import {
  emitConstant,
  emitStacked,
  type ConstantMatrix,
} from '../../offline/graph/static-prefill/constant-matrix.ts';
import {
  emitOutputs,
  emitSideBySide,
  emitStored,
  type StoredMatrix,
} from '../../offline/graph/static-prefill/stored-matrix.ts';
import { WeightsFile } from '../../offline/graph/weights-file.ts';
import { dequantizeBlocks, quantizeBlocks4, quantizeBlocks8 } from '../../offline/quantize/block-wise.ts';
import { dequantizePerChannel, quantizePerChannel } from '../../offline/quantize/per-channel.ts';
import { makeTinyBundle, type TinyBundle } from '../device-agent/support/tiny-bundle.ts';
import { refusedNodes, runTimeNodes } from './support/nnapi-operators.ts';
import { readOnnx, type ReadGraph } from './support/read-onnx.ts';
import { temporaryFolder } from './support/test-files.ts';
import { tinyFamily, type Family } from './support/tiny-architectures.ts';

const ADAPTER = { sites: ['o', 'mlp'] as const, rank: 2, bias: true, norms: true };

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

/** What the values of a stored matrix [out, in] stand for, by the storing side's own functions. */
const MEANING: Readonly<Record<LinearForm, (weights: Float32Array, height: number) => Float32Array>> = {
  f32: (weights) => weights,
  int8: (weights, height) => dequantizePerChannel(quantizePerChannel(weights, height)),
  block8: (weights, height) =>
    dequantizeBlocks(quantizeBlocks8(weights, height), height, weights.length / height),
  block4: (weights, height) =>
    dequantizeBlocks(quantizeBlocks4(weights, height), height, weights.length / height),
};

function randomMatrix(height: number, width: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: height * width }, () => normalSample(random));
}

/** Stores matrices in a form and gives what a graph makes of them, [out, in]. */
async function constantOf(
  form: LinearForm,
  matrices: readonly { readonly weights: Float32Array; readonly height: number }[],
  emit: (graph: GraphBuilder, stored: readonly StoredMatrix[]) => ConstantMatrix,
): Promise<{ readonly dims: readonly number[]; readonly data: Float32Array }> {
  const folder = temporaryFolder();
  const file = new WeightsFile(join(folder, 'weights.bin'));
  const linears = matrices.map(({ weights, height }, i) =>
    storeLinear(file, `matrix${i}`, form, weights, height),
  );
  file.close();
  const graph = GraphBuilder.create(file.catalog, 'weights.bin');
  graph.input('x', 'float32', [1]);
  const { value, outFirst } = emit(
    graph,
    linears.map((linear) => emitStored(graph, linear)),
  );
  const upright = outFirst ? value : graph.node('Transpose', [value], ['upright'], { perm: [1, 0] });
  graph.node('Mul', [upright, 'x'], ['out']);
  graph.output('out', 'float32', ['N', 'K']);
  const session = await ort.InferenceSession.create(graph.encode('matrix'), {
    extra: { session: { model_external_initializers_file_folder_path: folder } },
  });
  const { out } = await session.run({ x: new ort.Tensor('float32', Float32Array.of(1), [1]) });
  await session.release();
  return { dims: out?.dims ?? [], data: out?.data as Float32Array };
}

describe.each<LinearForm>(['f32', 'int8', 'block8', 'block4'])('a stored matrix of form %s', (form) => {
  // Whole blocks, an odd number of blocks (4-bit zeros come in pairs), and rows that end inside of a block.
  it.each([128, 96, 70])('of %i columns is as a constant what its values stand for', async (width) => {
    const weights = randomMatrix(6, width, width);
    const made = await constantOf(form, [{ weights, height: 6 }], (graph, [stored]) =>
      emitConstant(graph, stored as StoredMatrix, 'm'),
    );
    expect(made.dims).toEqual([6, width]);
    expect(made.data).toEqual(MEANING[form](weights, 6));
  });

  it('is cut by outputs and put beside others', async () => {
    const [a, b] = [randomMatrix(5, 96, 1), randomMatrix(4, 96, 2)];
    const matrices = [
      { weights: a, height: 5 },
      { weights: b, height: 4 },
    ];
    const made = await constantOf(form, matrices, (graph, stored) => {
      const cut = stored.map((matrix, i) => emitOutputs(graph, matrix, 1, 4, `cut${i}`));
      return emitConstant(graph, emitSideBySide(graph, cut, 'both'), 'm');
    });
    const rows = (weights: Float32Array, height: number): Float32Array =>
      MEANING[form](weights, height).subarray(96, 4 * 96);
    expect(made.dims).toEqual([6, 96]);
    expect(made.data).toEqual(Float32Array.from([...rows(a, 5), ...rows(b, 4)]));
  });

  it.each([
    [64, 96],
    [70, 32],
  ])('of %i inputs is put above one of %i inputs', async (first, second) => {
    const [a, b] = [randomMatrix(3, first, 3), randomMatrix(3, second, 4)];
    const matrices = [
      { weights: a, height: 3 },
      { weights: b, height: 3 },
    ];
    const made = await constantOf(form, matrices, (graph, stored) => emitStacked(graph, stored, 'm'));
    const [left, right] = [MEANING[form](a, 3), MEANING[form](b, 3)];
    const row = (i: number): number[] => [
      ...left.subarray(i * first, (i + 1) * first),
      ...right.subarray(i * second, (i + 1) * second),
    ];
    expect(made.dims).toEqual([3, first + second]);
    expect(made.data).toEqual(Float32Array.from([0, 1, 2].flatMap(row)));
  });
});
