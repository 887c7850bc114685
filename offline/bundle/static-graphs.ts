import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BundleLevel, BundleStaticPrefill } from '../../core/bundle-manifest.ts';
import {
  writeEmbeddingGraph,
  writeStaticGraph,
  type StaticGraphOptions,
} from '../graph/static-prefill/static-graph.ts';

const EMBEDDING_FILE = 'embedding.onnx';

/** Writes the static prefill graphs of all levels into a bundle's folder, behind its weights and adapters. */
export function writeStaticGraphs(
  folder: string,
  levels: readonly BundleLevel[],
  options: StaticGraphOptions,
): BundleStaticPrefill {
  writeFileSync(join(folder, EMBEDDING_FILE), writeEmbeddingGraph(options));
  const written = levels.flatMap((level) => {
    const bytes = writeStaticGraph(options, level);
    if (bytes === null) return [];
    const graph = `static-${level.level}.onnx`;
    writeFileSync(join(folder, graph), bytes);
    return [{ level: level.level, graph }];
  });
  return { embedding: EMBEDDING_FILE, levels: written };
}
