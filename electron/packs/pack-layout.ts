import type { RuntimePack } from '../../core/runtime-pack.ts';

/** In a pack's folder: what onnxruntime-node loads, for packs that bring their own binding. */
export const PACK_ONNXRUNTIME = 'onnxruntime';
/** In a pack's folder: each part's licence text, `<part>.txt`. */
export const PACK_LICENCES = 'licences';

/** Stand in a pack's launch command and environment for folders on the phone. */
const PACK_PLACE = '{pack}';
const HOME_PLACE = '{home}';

/** A launch word or value with the phone's folders in it. */
export function placed(word: string, folders: { readonly pack: string; readonly home: string }): string {
  return word.replaceAll(PACK_PLACE, folders.pack).replaceAll(HOME_PLACE, folders.home);
}

/** Paths of a pack's files that its launch command names: those have to be executable on the phone. */
export function executablesOf({ launch, files }: Pick<RuntimePack, 'launch' | 'files'>): string[] {
  const named = launch.command.map((word) => word.replace(`${PACK_PLACE}/`, ''));
  return files.map(({ path }) => path).filter((path) => named.includes(path));
}
