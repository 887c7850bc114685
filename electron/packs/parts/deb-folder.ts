import { copyFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, ok, type Result } from '../../../core/result.ts';
import { errorMessage } from '../../files/atomic-file.ts';
import type { PartPin } from './part-pin.ts';
import type { PartSource } from './part-shelf.ts';

/** Packages that the user put into a folder, named as `apt download` names them: `NAME_VERSION_ARCHITECTURE.deb`. */
export function debFolder(folder: string, architecture: 'arm64' | 'aarch64'): PartSource {
  return {
    mayDiffer: true,
    fetch: async (pin, work) => {
      const found = await findDeb(folder, pin, architecture);
      if (!found.ok) return found;
      const copy = join(work, 'package.deb');
      await copyFile(join(folder, found.value), copy);
      return ok(copy);
    },
  };
}

/** Name of the package's file in a folder. Failure `deb-missing`. */
export async function findDeb(
  folder: string,
  { name, version }: Pick<PartPin, 'name' | 'version'>,
  architecture: string,
): Promise<Result<string>> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    return fail('deb-missing', `${folder} can't be read: ${errorMessage(error)}.`);
  }
  const fits = names
    .filter((file) => file.startsWith(`${name}_`) && /_(arm64|aarch64|all)\.deb$/.test(file))
    .filter((file) => file.endsWith(`_${architecture}.deb`) || file.endsWith('_all.deb'))
    .sort();
  // A colon in a version is escaped in file names.
  const wanted = fits.find((file) => file.startsWith(`${name}_${(version ?? '').replace(':', '%3a')}_`));
  const found = wanted ?? fits.at(-1);
  return found === undefined
    ? fail('deb-missing', `${folder} holds no ${name}_*_${architecture}.deb.`)
    : ok(found);
}
