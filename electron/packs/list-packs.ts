import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { ExecutionProvider, PackName } from '../../core/runtime-pack.ts';
import { readPack } from './pack-folder.ts';
import { ANDROID_ONNXRUNTIME, GLIBC_PINS, TERMUX_PINS } from './pack-pins.ts';
import { type PartPin, sourceWords } from './parts/part-pin.ts';
import { isOnShelf } from './parts/part-shelf.ts';
import { findDeb } from './parts/deb-folder.ts';
import type { BroughtPackages } from './parts/part-sources.ts';
import { keptPackDir } from './runtime-packs.ts';

/** What each pack is, for people. */
export const PACK_WORDS: Readonly<
  Record<PackName, { readonly can: string; readonly providers: readonly ExecutionProvider[] }>
> = {
  android: {
    can: 'Node for Android in the adb shell’s folder, ONNX Runtime with NNAPI and XNNPACK; untested on a real phone',
    providers: ['cpu', 'xnnpack', 'nnapi'],
  },
  'glibc-arm64': {
    can: 'Node for Linux with its own C library, stock ONNX Runtime, CPU only; runs on emulated arm64, untested on a real phone',
    providers: ['cpu'],
  },
  termux: {
    can: 'ONNX Runtime with NNAPI and XNNPACK for the Node of the Termux app, started by a line pasted there; untested on a real phone',
    providers: ['cpu', 'xnnpack', 'nnapi'],
  },
  host: { can: 'a virtual phone runs this computer’s own Node; nothing is pushed', providers: ['cpu'] },
};

/** `kept`: on this computer; `to fetch`: its client is here; `missing`: nothing here can bring it. */
export type PartState = 'kept' | 'to fetch' | 'to build' | 'missing';

export interface ListedPart {
  readonly name: string;
  readonly version: string | null;
  readonly licence: string;
  readonly source: string;
  /** Of the pinned file; null where its source keeps no version to pin. */
  readonly sizeBytes: number | null;
  readonly sha256: string | null;
  readonly state: PartState;
}

export interface ListedPack {
  readonly name: PackName;
  readonly can: string;
  readonly providers: readonly ExecutionProvider[];
  readonly parts: readonly ListedPart[];
  readonly canAssemble: boolean;
  readonly missing: readonly string[];
  /** The pack that lies ready for the desktop; null = none. */
  readonly assembled: { readonly dir: string; readonly sizeBytes: number; readonly node: string } | null;
}

const BINDING = {
  name: 'onnxruntime_binding.node',
  version: null,
  licence: 'Apache-2.0',
  source: 'built here from device-agent/native',
  sizeBytes: null,
  sha256: null,
  state: 'to build',
} as const satisfies ListedPart;

/** Every pack with its parts, and what of them is here; nothing is fetched. */
export async function listPacks(packsDir: string, brought: BroughtPackages): Promise<ListedPack[]> {
  const pins: Record<PackName, readonly PartPin[]> = {
    android: [...TERMUX_PINS, ANDROID_ONNXRUNTIME.pin],
    'glibc-arm64': [GLIBC_PINS.node, ...GLIBC_PINS.debian],
    termux: [ANDROID_ONNXRUNTIME.pin],
    host: [],
  };
  const names = ['android', 'glibc-arm64', 'termux', 'host'] as const;
  return Promise.all(
    names.map(async (name) => {
      const pinned = await Promise.all(pins[name].map((pin) => listPart(pin, packsDir, brought)));
      const parts = name === 'android' || name === 'termux' ? [...pinned, BINDING] : pinned;
      const missing = parts.filter(({ state }) => state === 'missing').map((part) => part.name);
      return {
        name,
        ...PACK_WORDS[name],
        parts,
        canAssemble: missing.length === 0,
        missing,
        assembled: await assembled(packsDir, name),
      };
    }),
  );
}

async function assembled(packsDir: string, name: PackName): Promise<ListedPack['assembled']> {
  const dir = keptPackDir(packsDir, name);
  const pack = await readPack(dir);
  if (!pack.ok) return null;
  const sizeBytes = pack.value.files.reduce((sum, file) => sum + file.sizeBytes, 0);
  return { dir, sizeBytes, node: pack.value.node };
}

async function listPart(pin: PartPin, packsDir: string, brought: BroughtPackages): Promise<ListedPart> {
  const { name, version, licence, sizeBytes, sha256 } = pin;
  const state = await stateOf(pin, packsDir, brought);
  return { name, version, licence, source: sourceWords(pin), sizeBytes, sha256, state };
}

async function stateOf(pin: PartPin, packsDir: string, brought: BroughtPackages): Promise<PartState> {
  if (await isOnShelf(join(packsDir, 'parts'), pin)) return 'kept';
  if (pin.origin === 'npm') return 'to fetch';
  const folder = brought[pin.origin];
  const architecture = pin.origin === 'debian' ? 'arm64' : 'aarch64';
  if (folder !== null) return (await findDeb(folder, pin, architecture)).ok ? 'kept' : 'missing';
  return pin.origin === 'debian' && (await onPath('apt-get')) ? 'to fetch' : 'missing';
}

async function onPath(command: string): Promise<boolean> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter))
    if (
      await access(join(folder, command), constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return true;
  return false;
}
