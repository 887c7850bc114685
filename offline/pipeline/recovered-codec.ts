import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { levelSchema } from '../../core/level.ts';
import type { ModelConfig } from '../../core/model-config.ts';
import { parseJsonWith } from '../../core/parse.ts';
import { adapterLayout, type AdapterShape } from '../../core/recovery-adapter.ts';
import { unwrap } from '../../core/result.ts';
import { downByLayer, type SharedChange } from '../recovery/recovered-model.ts';
import { sharedLayout } from '../training/shared-layout.ts';
import type { Recovered } from './stages.ts';
import type { StageCodec } from './work-folder.ts';

const FILES = {
  about: 'recovery.json',
  parameters: 'parameters.bin',
  lowRank: 'shared-low-rank.bin',
  down: 'shared-down.bin',
} as const;

const aboutSchema = z.object({
  method: z.string(),
  data: z.array(z.object({ name: z.string(), sha256: z.string() })),
  /** null: the weights stay as they are. */
  sharedRank: z.int().nonnegative().nullable(),
  levels: z.array(
    z.object({
      level: levelSchema,
      heldOutLoss: z.number().nullable(),
      steps: z.int().nonnegative(),
      tokens: z.int().nonnegative(),
    }),
  ),
});

/** Trained adapters in a work folder: float32, level after level; beside them what the levels share. */
export function recoveredCodec(config: ModelConfig, shape: AdapterShape): StageCodec<Recovered> {
  const { total } = adapterLayout(config, shape);
  return {
    write(folder, { method, data, levels, shared }) {
      const all = new Float32Array(levels.length * total);
      for (const [i, { parameters }] of levels.entries()) all.set(parameters, i * total);
      const about = levels.map(({ level, heldOutLoss, steps, tokens }) => ({
        level,
        heldOutLoss,
        steps,
        tokens,
      }));
      writeFileSync(join(folder, FILES.parameters), bytesOf(all));
      if (shared !== null) {
        writeFileSync(join(folder, FILES.lowRank), bytesOf(shared.lowRank.parameters));
        writeFileSync(join(folder, FILES.down), Buffer.concat(shared.down));
      }
      const sharedRank = shared?.lowRank.rank ?? null;
      writeFileSync(join(folder, FILES.about), JSON.stringify({ method, data, sharedRank, levels: about }));
    },
    read(folder) {
      const about = unwrap(
        parseJsonWith(aboutSchema, readFileSync(join(folder, FILES.about), 'utf8'), FILES.about),
      );
      const bytes = readFileSync(join(folder, FILES.parameters));
      if (bytes.length !== 4 * total * about.levels.length)
        throw new RangeError(`${folder} holds adapters of another shape`);
      const levels = about.levels.map((entry, i) => {
        const from = bytes.byteOffset + 4 * total * i;
        return { ...entry, parameters: new Float32Array(bytes.buffer.slice(from, from + 4 * total)) };
      });
      const { method, data, sharedRank } = about;
      return {
        method,
        data,
        levels,
        shared: sharedRank === null ? null : readShared(folder, config, sharedRank),
      };
    },
  };
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function readShared(folder: string, config: ModelConfig, rank: number): SharedChange {
  const lowRank = readFileSync(join(folder, FILES.lowRank));
  const parameters = new Float32Array(
    lowRank.buffer.slice(lowRank.byteOffset, lowRank.byteOffset + lowRank.byteLength),
  );
  if (parameters.length !== sharedLayout(config, rank).total)
    throw new RangeError(`${folder} holds a change of another shape`);
  return { down: downByLayer(readFileSync(join(folder, FILES.down)), config), lowRank: { rank, parameters } };
}
