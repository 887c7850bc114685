import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { BundleManifest } from '../../../core/bundle-manifest.ts';
import type { Level } from '../../../core/level.ts';

const lineSchema = z.object({ key: z.string(), values: z.array(z.number()).min(1) });

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

/**
 * What levels made of compressed prompts, one JSON line each, appended as they come: a killed run loses at most the
 * one under way, and what two strategies, selectors or commands ask alike is run once.
 */
export class OutcomeStore {
  readonly #path: string;
  readonly #known = new Map<string, number[]>();

  private constructor(path: string) {
    this.#path = path;
  }

  /** @param identity of {@link levelsIdentity}; each has a file of its own. */
  static open(folder: string, identity: string): OutcomeStore {
    mkdirSync(folder, { recursive: true });
    const store = new OutcomeStore(join(folder, `outcomes-${identity}.jsonl`));
    store.#load();
    return store;
  }

  get size(): number {
    return this.#known.size;
  }

  has(input: OutcomeInput): boolean {
    return this.#known.has(keyOf(input));
  }

  /** The values of the choices: as found here, or made and kept. */
  async once(input: OutcomeInput, make: () => Promise<number[]>): Promise<number[]> {
    const key = keyOf(input);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    // Rounded before the first use, so that a resumed run goes on from exactly the same figures.
    const values = (await make()).map((value) => Math.round(value * 1e5) / 1e5);
    appendFileSync(this.#path, `${JSON.stringify({ key, values })}\n`);
    this.#known.set(key, values);
    return values;
  }

  /** A last line that a kill cut off is removed; a line that cannot be read is run again. */
  #load(): void {
    if (!existsSync(this.#path)) return;
    const bytes = readFileSync(this.#path);
    const end = bytes.lastIndexOf(10) + 1;
    if (end < bytes.length) truncateSync(this.#path, end);
    for (const line of bytes.subarray(0, end).toString('utf8').split('\n')) {
      const parsed = lineSchema.safeParse(parsedLine(line));
      if (parsed.success) this.#known.set(parsed.data.key, parsed.data.values);
    }
  }
}

function parsedLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
