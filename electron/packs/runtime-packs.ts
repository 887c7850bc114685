import { join, resolve } from 'node:path';
import type { Device } from '../../core/device.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { type ChosenPack, packNameSchema, type RuntimePack } from '../../core/runtime-pack.ts';
import { choosePack } from './choose-pack.ts';
import { makeGlibcPack } from './glibc-pack.ts';
import { hostAbi, hostPack, onnxruntimeVersion } from './host-pack.ts';
import { readPack } from './pack-folder.ts';
import { GLIBC_PINS } from './pack-pins.ts';
import { openShelf } from './parts/part-sources.ts';
import { writePack } from './write-pack.ts';

export interface RuntimePacksOptions {
  /** Assembled packs and the parts that they are made of. */
  readonly packsDir: string;
  readonly onnxruntimeDir: string;
  /** Name or folder of the pack that the user wants; null = by the phone. */
  readonly pack: string | null;
}

/** A pack that can be pushed and started. */
export interface ReadyPack {
  readonly choice: ChosenPack;
  readonly pack: RuntimePack;
  /** Its folder on this computer, null = nothing is pushed. */
  readonly dir: string | null;
}

type PhoneKind = Pick<Device, 'kind' | 'abi'>;

/** Chooses a pack for a phone and brings it. */
export interface RuntimePacks {
  /** What a phone gets, without fetching anything. Failure `pack-none`, `pack-missing`, `pack-damaged`. */
  choose(device: PhoneKind): Promise<Result<ChosenPack>>;
  /**
   * The pack of a phone if it lies on this computer. Failures: those of `choose`, `pack-missing`,
   * `abi-unsupported`.
   */
  kept(device: PhoneKind): Promise<Result<ReadyPack>>;
  /** As `kept`; what can be assembled by the desktop is, and `say` tells of it. Failures: also those of the parts. */
  provide(device: PhoneKind, say: (line: string) => void, signal: AbortSignal): Promise<Result<ReadyPack>>;
}

/** Where `npm run pack` keeps a pack for the desktop. */
export function keptPackDir(packsDir: string, name: RuntimePack['name']): string {
  return join(packsDir, name);
}

export function openRuntimePacks(options: RuntimePacksOptions): RuntimePacks {
  const { packsDir, onnxruntimeDir } = options;

  const decide = async (
    device: PhoneKind,
  ): Promise<Result<ChosenPack & { readonly folder: string | null }>> => {
    const wish = await readWish(options.pack);
    if (!wish.ok) return wish;
    const hasAndroid = (await readPack(keptPackDir(packsDir, 'android'))).ok;
    const choice = choosePack({ device, hostAbi: hostAbi(), wish: wish.value?.name ?? null, hasAndroid });
    return choice.ok ? ok({ ...choice.value, folder: wish.value?.dir ?? null }) : choice;
  };

  const read = async (choice: ChosenPack, folder: string | null): Promise<Result<ReadyPack>> => {
    if (choice.name === 'host' && folder === null) {
      const pack = await hostPack(onnxruntimeDir);
      return pack.ok ? ok({ choice, pack: pack.value, dir: null }) : pack;
    }
    const dir = folder ?? keptPackDir(packsDir, choice.name);
    const pack = await readPack(dir);
    return pack.ok
      ? ok({ choice, pack: pack.value, dir })
      : fail(
          pack.failure.code,
          `The runtime pack ${choice.name} can't be used: ${pack.failure.message}`,
          `Assemble it: \`npm run pack -- ${choice.name}\`.`,
        );
  };

  /** Puts the glibc pack where it is kept; the others need what a desktop has not (a compiler, Termux's packages). */
  const assembleGlibc = async (
    version: string,
    say: (line: string) => void,
    signal: AbortSignal,
  ): Promise<Result<RuntimePack>> => {
    say('Runtime pack glibc-arm64: assembling it, once; about 55 MB are fetched ...');
    const shelf = openShelf(packsDir, { debian: null, termux: null }, say);
    const content = await makeGlibcPack(shelf, { dir: onnxruntimeDir, version }, signal);
    return content.ok ? writePack(content.value, keptPackDir(packsDir, 'glibc-arm64')) : content;
  };

  return {
    choose: async (device) => {
      const decided = await decide(device);
      return decided.ok ? ok({ name: decided.value.name, why: decided.value.why }) : decided;
    },
    kept: async (device) => {
      const decided = await decide(device);
      return decided.ok ? read(decided.value, decided.value.folder) : decided;
    },
    provide: async (device, say, signal) => {
      const decided = await decide(device);
      if (!decided.ok) return decided;
      const { name, why, folder } = decided.value;
      const choice = { name, why };
      const there = await read(choice, folder);
      if (name !== 'glibc-arm64' || folder !== null) return there;
      const version = await onnxruntimeVersion(onnxruntimeDir);
      if (!version.ok) return version;
      if (there.ok && isCurrentGlibc(there.value.pack, version.value)) return there;
      const assembled = await assembleGlibc(version.value, say, signal);
      return assembled.ok ? read(choice, null) : assembled;
    },
  };
}

/** Whether a kept pack is what the pins of this version would give, Debian's own updates apart. */
function isCurrentGlibc(pack: RuntimePack, onnxruntime: string): boolean {
  const node = pack.parts.find(({ name }) => name === GLIBC_PINS.node.name);
  return node?.sha256 === GLIBC_PINS.node.sha256 && pack.onnxruntime === onnxruntime;
}

/** What `--pack` names: a pack by its name, or a folder that holds one. */
async function readWish(
  wish: string | null,
): Promise<Result<{ name: RuntimePack['name']; dir: string | null } | null>> {
  if (wish === null) return ok(null);
  const name = packNameSchema.safeParse(wish);
  if (name.success) return ok({ name: name.data, dir: null });
  const dir = resolve(wish);
  const pack = await readPack(dir);
  return pack.ok
    ? ok({ name: pack.value.name, dir })
    : fail(
        pack.failure.code,
        pack.failure.message,
        `--pack takes ${packNameSchema.options.join(', ')}, or a pack’s folder.`,
      );
}
