import { PHONE_TMP } from '../devices/free-space.ts';

/**
 * What Bungee keeps on a phone. Files travel into `objects/` under their hash (`.part` until verified) and are
 * moved from there into a set's folder: ONNX Runtime and Node resolve symbolic links before they look beside a
 * file, and Android's policy forbids hard links in most builds, so a set holds real files.
 */
export const PHONE_ROOT = `${PHONE_TMP}/bungee`;
export const OBJECTS = `${PHONE_ROOT}/objects`;
export const SETS = `${PHONE_ROOT}/sets`;
/** The agent's working folder: `agent.json`, log, profiles. */
export const AGENT_HOME = `${PHONE_ROOT}/home`;

/** In a set's folder: the group and each file's hash and path. */
export const SET_FILES = '.bungee-files';
/** In a set's folder: size and mtime of each file when it was verified; its own mtime = last use. */
export const SET_STAMP = '.bungee-stamp';

export function setFolder(setId: string): string {
  return `${SETS}/${setId}`;
}
