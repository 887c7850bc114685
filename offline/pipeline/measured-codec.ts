import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { ModelConfig } from '../../core/model-config.ts';
import { parseJsonWith } from '../../core/parse.ts';
import { decodeRanges, encodeRanges } from '../../core/recipe-blobs.ts';
import { unwrap } from '../../core/result.ts';
import { BLOCK_SCORES } from '../importance/importance-file.ts';
import type { Measured } from './stages.ts';
import type { StageCodec } from './work-folder.ts';

const FILES = { about: 'importance.json', scores: 'scores.bin', ranges: 'ranges.bin' } as const;

const aboutSchema = z.object({
  method: z.string(),
  acrossLayers: z.boolean().optional(),
  layers: z.array(z.object(BLOCK_SCORES)),
});

/** Importance and ranges in a work folder: unit scores as float32, the rest as JSON. */
export function measuredCodec(config: ModelConfig): StageCodec<Measured> {
  const perLayer = config.ffnSize + config.kvHeads;
  return {
    write(folder, { importance, ranges }) {
      const { method, acrossLayers } = importance;
      const layers = importance.layers.map(({ neurons: _neurons, kvGroups: _kvGroups, ...blocks }) => blocks);
      const scores = new Float32Array(config.layers * perLayer);
      for (const [i, { neurons, kvGroups }] of importance.layers.entries()) {
        scores.set(neurons, i * perLayer);
        scores.set(kvGroups, i * perLayer + config.ffnSize);
      }
      writeFileSync(join(folder, FILES.scores), new Uint8Array(scores.buffer));
      writeFileSync(join(folder, FILES.ranges), encodeRanges(ranges));
      writeFileSync(join(folder, FILES.about), JSON.stringify({ method, acrossLayers, layers }));
    },
    read(folder) {
      const about = unwrap(
        parseJsonWith(aboutSchema, readFileSync(join(folder, FILES.about), 'utf8'), FILES.about),
      );
      const bytes = readFileSync(join(folder, FILES.scores));
      if (about.layers.length !== config.layers || bytes.length !== 4 * config.layers * perLayer)
        throw new RangeError(`${folder} is of another model`);
      const scores = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
      const layers = about.layers.map((blocks, i) => ({
        neurons: scores.slice(i * perLayer, i * perLayer + config.ffnSize),
        kvGroups: scores.slice(i * perLayer + config.ffnSize, (i + 1) * perLayer),
        ...blocks,
      }));
      const { method, acrossLayers } = about;
      return {
        importance: { method, ...(acrossLayers === undefined ? {} : { acrossLayers }), layers },
        ranges: unwrap(decodeRanges(config, readFileSync(join(folder, FILES.ranges)), FILES.ranges)),
      };
    },
  };
}
