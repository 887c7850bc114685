import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { BundleManifest } from '../../../core/bundle-manifest.ts';
import type { Level } from '../../../core/level.ts';
import { ValueFile } from '../value-file.ts';

/** Everything that an outcome depends on besides the weights. */
export interface OutcomeInput {
  readonly level: Level;
  /** The compressed prompt. */
  readonly tokens: readonly number[];
  readonly choices: readonly (readonly number[])[];
}

function keyOf({ level, tokens, choices }: OutcomeInput): string {
  return createHash('sha256')
    .update(JSON.stringify([level, tokens, choices]))
    .digest('hex')
    .slice(0, 24);
}

/**
 * What answers of a bundle's levels depend on: weights, adapters and level shapes. The TLM and the name do not count,
 * nor how the graph is written: it computes the same.
 */
export function levelsIdentity(
  manifest: Pick<BundleManifest, 'files' | 'graph' | 'levels' | 'ranking' | 'segments' | 'recovery'>,
): string {
  const { files, graph, levels, ranking, segments, recovery } = manifest;
  const hashOf = (path: string | undefined): string | null =>
    files.find((file) => file.path === path)?.sha256 ?? null;
  const levelShapes = levels.map(({ level, prefix }) => [level, prefix]);
  const text = JSON.stringify([
    hashOf(graph.weights),
    hashOf(recovery?.file),
    levelShapes,
    ranking,
    segments,
  ]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** What levels made of compressed prompts: what two strategies, selectors or commands ask alike is run once. */
export class OutcomeStore {
  readonly #file: ValueFile;

  private constructor(file: ValueFile) {
    this.#file = file;
  }

  /** @param identity of {@link levelsIdentity}; each has a file of its own. */
  static open(folder: string, identity: string): OutcomeStore {
    return new OutcomeStore(new ValueFile(join(folder, `outcomes-${identity}.jsonl`)));
  }

  get size(): number {
    return this.#file.size;
  }

  has(input: OutcomeInput): boolean {
    return this.#file.has(keyOf(input));
  }

  /** The values of the choices: as found here, or made and kept. */
  once(input: OutcomeInput, make: () => Promise<readonly number[]>): Promise<readonly number[]> {
    return this.#file.once(keyOf(input), make);
  }
}
