import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { PROJECT_FOLDER } from './folders.ts';

const packageSchema = z.object({ version: z.string() });

/** Version of this checkout, from package.json. */
export const BUNGEE_VERSION: string = packageSchema.parse(
  JSON.parse(readFileSync(join(PROJECT_FOLDER, 'package.json'), 'utf8')),
).version;
