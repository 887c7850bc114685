import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { say } from './command-line.ts';
import { PROJECT_FOLDER } from './folders.ts';

function wantedFolder(): string {
  return process.env['BUNGEE_DATA'] ?? resolve(PROJECT_FOLDER, '..', 'shared', 'data');
}

/** Public data sets (`BUNGEE_DATA`, default beside the project); null where there are none. */
export function dataFolder(): string | null {
  const folder = wantedFolder();
  return existsSync(folder) ? folder : null;
}

/** {@link dataFolder} for what is learned from it: where there is none, says what is read in its place. */
export function dataFolderToLearnFrom(): string | null {
  const folder = dataFolder();
  if (folder === null)
    say(
      `data: no data sets in ${wantedFolder()}. Levels learn from Bungee's own pages alone, 1200 words: good enough to try it, not to keep. Name a folder of data sets in BUNGEE_DATA.`,
    );
  return folder;
}
