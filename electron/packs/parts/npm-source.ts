import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, ok } from '../../../core/result.ts';
import type { PartSource } from './part-shelf.ts';
import { runClient } from './run-client.ts';

/** `npm` of the user: the one that started this process where it did, which is right in Electron and on Windows too. */
function npmCommand(): { readonly command: string; readonly first: readonly string[] } {
  const script = process.env['npm_execpath'];
  const node = process.env['npm_node_execpath'];
  return script !== undefined && node !== undefined && /npm-cli\.[cm]?js$/.test(script)
    ? { command: node, first: [script] }
    : { command: 'npm', first: [] };
}

/** Tarballs by `npm pack`, which knows the user's registry. A published version never changes. */
export const npmSource: PartSource = {
  mayDiffer: false,
  fetch: async ({ name, version }, folder, signal) => {
    const { command, first } = npmCommand();
    const args = [...first, 'pack', `${name}@${version ?? 'latest'}`, '--ignore-scripts', '--loglevel=error'];
    const ran = await runClient(command, args, { cwd: folder, signal });
    if (!ran.ok) return ran;
    const tarball = (await readdir(folder)).find((file) => file.endsWith('.tgz'));
    return tarball === undefined
      ? fail('client-failed', `npm brought no tarball of ${name}.`)
      : ok(join(folder, tarball));
  },
};
