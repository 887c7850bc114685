import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MANIFEST_FILE, manifestIdentityText, type BundleManifest } from '../../../core/bundle-manifest.ts';
import { LEVELS } from '../../../core/level.ts';
import { PROMPT_LEVELS } from '../../../core/prompt-level.ts';
import { TLM_GRAPH, type TlmConfig } from '../../../core/tlm.ts';
import { GraphBuilder } from '../../../offline/graph/graph-builder.ts';
import { WeightsFile } from '../../../offline/graph/weights-file.ts';
import type { TinyBundle } from './tiny-bundle.ts';

const GRAPH_FILE = 'tlm.onnx';
const WEIGHTS_FILE = 'tlm.bin';
/** Classes that the proposed level lies below that of the bound's ratio. */
const LOWER_BY = 3;
const CONFIG: TlmConfig = {
  hiddenSize: 4,
  heads: 1,
  ffnSize: 4,
  sharedLayers: 0,
  scoreLayers: 0,
  decisionLayers: 0,
  rowTokens: 34,
};

/**
 * Gives a bundle a TLM whose answers can be told beforehand: a token's score is its id, the proposed prompt level is
 * TTFT's ratio (0.5 -> 0.5), and the level lies below TPOT's (0.7 -> 50, none -> 80).
 */
export function addRatioTlm(bundle: TinyBundle): TinyBundle {
  const weights = new WeightsFile(join(bundle.dir, WEIGHTS_FILE));
  weights.add('one', 'float32', [1], Float32Array.of(1));
  weights.add('promptClasses', 'float32', [PROMPT_LEVELS.length], Float32Array.from(PROMPT_LEVELS.keys()));
  weights.add(
    'levelClasses',
    'float32',
    [LEVELS.length],
    Float32Array.from(LEVELS, (_, i) => i + LOWER_BY),
  );
  weights.finish();
  writeFileSync(join(bundle.dir, GRAPH_FILE), ratioGraph(GraphBuilder.create(weights.catalog, WEIGHTS_FILE)));
  const files = [GRAPH_FILE, WEIGHTS_FILE].map((path) => {
    const bytes = readFileSync(join(bundle.dir, path));
    return { path, sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  });
  const content: BundleManifest = {
    ...bundle.manifest,
    files: [...bundle.manifest.files, ...files],
    tlm: {
      graph: GRAPH_FILE,
      weights: WEIGHTS_FILE,
      config: CONFIG,
      quality: {
        values: PROMPT_LEVELS.map((p) => LEVELS.map((m) => 0.2 + 0.4 * p + (0.4 * m) / 100)),
        requests: 0,
        text: 'made up',
      },
      method: 'made up',
    },
  };
  const bundleId = createHash('sha256').update(manifestIdentityText(content)).digest('hex');
  const manifest = { ...content, bundleId };
  writeFileSync(join(bundle.dir, MANIFEST_FILE), JSON.stringify(manifest));
  return { ...bundle, manifest };
}

function ratioGraph(graph: GraphBuilder): Uint8Array {
  const ids = graph.input(TLM_GRAPH.inputIds, 'int64', ['R', 'W']);
  graph.input(TLM_GRAPH.roles, 'int64', ['R', 'W']);
  const slo = graph.input(TLM_GRAPH.slo, 'int64', [2]);
  const toFloat = { to: 1 };
  const values = graph.node('Cast', [ids], ['id_values'], toFloat);
  graph.node('Mul', [values, graph.weight('one')], [TLM_GRAPH.scores]);
  const classes = graph.node('Cast', [slo], ['slo_values'], toFloat);
  const nearTo = (index: number, classNames: string, output: string): void => {
    const own = graph.node('Gather', [classes, graph.ints(index)], [`${output}_class`]);
    const gap = graph.node('Sub', [graph.weight(classNames), own], [`${output}_gap`]);
    graph.node('Neg', [graph.node('Abs', [gap], [`${output}_distance`])], [output]);
  };
  nearTo(0, 'promptClasses', TLM_GRAPH.promptLogits);
  nearTo(1, 'levelClasses', TLM_GRAPH.levelLogits);
  graph.output(TLM_GRAPH.scores, 'float32', ['R', 'W']);
  graph.output(TLM_GRAPH.promptLogits, 'float32', [PROMPT_LEVELS.length]);
  graph.output(TLM_GRAPH.levelLogits, 'float32', [LEVELS.length]);
  return graph.encode('ratio-tlm');
}
