import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { PROJECT_FOLDER } from './folders.ts';

/** Public data sets (`BUNGEE_DATA`, default beside the project); null where there are none. */
export function dataFolder(): string | null {
  const folder = process.env['BUNGEE_DATA'] ?? resolve(PROJECT_FOLDER, '..', 'shared', 'data');
  return existsSync(folder) ? folder : null;
}
