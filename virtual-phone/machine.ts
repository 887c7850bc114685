import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';
import { EMULATED_SOC } from '../core/device.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { PhoneOptions } from './options.ts';

/** Numbers of `e_machine` in an ELF file. */
const ELF_MACHINE: Readonly<Record<string, number>> = { x64: 62, arm64: 183 };
/** Android's name of the processors that Node runs on; a virtual phone says what it really runs on. */
const ABI: Readonly<Record<string, string>> = {
  x64: 'x86_64',
  arm64: 'arm64-v8a',
  arm: 'armeabi-v7a',
  ia32: 'x86',
};

/** Names of qemu's user emulation, the static one first: it minds no library path of the phone's programs. */
export const EMULATORS: readonly string[] = ['qemu-aarch64-static', 'qemu-aarch64'];

/**
 * A core of phones of 2019 and later. qemu's own default offers SVE and SME too: kernels would be chosen that few
 * phones have, and pointer authentication would cost half of the time.
 */
const EMULATED_CPU = 'cortex-a76';

/** The processor of a virtual phone, and how programs made for it run on this computer. */
export interface Machine {
  /** Android's name of it. */
  readonly abi: string;
  /** As `uname -m` tells. */
  readonly unameMachine: string;
  /** Value of `ro.soc.model`. */
  readonly soc: string;
  /** Value of `ro.product.model`: what a list of phones shows. */
  readonly model: string;
  /** Whether its instructions are emulated: then no latency of it says anything of a real processor. */
  readonly isEmulated: boolean;
  /** This computer's Node is a command of the phone; a phone of another make has none. */
  readonly hasNode: boolean;
  /** Text of `/proc/cpuinfo`; null: this computer's own. */
  readonly cpuInfo: string | null;
  /** `e_machine` of the ELF files that it runs; null: none. */
  readonly elfMachine: number | null;
  /** Command of this computer that runs a program of the phone; its own arguments follow. Empty: the kernel does. */
  readonly runner: readonly string[];
}

/** What this computer itself is: the phone's Node is its Node. */
export function hostMachine(): Machine {
  const abi = ABI[process.arch] ?? process.arch;
  return {
    abi,
    unameMachine: unameMachine(abi),
    soc: `virtual ${abi}`,
    model: 'Pixel 8 (virtual)',
    isEmulated: false,
    hasNode: true,
    cpuInfo: null,
    elfMachine: process.platform === 'linux' ? (ELF_MACHINE[process.arch] ?? null) : null,
    runner: [],
  };
}

/** Failures `arch-unsupported` where arm64 programs cannot run, `emulator-missing`. */
export function machineOf(options: Pick<PhoneOptions, 'arch' | 'emulatorPath'>): Result<Machine> {
  if (options.arch === 'host') return ok(hostMachine());
  if (process.platform !== 'linux' || (process.arch !== 'x64' && process.arch !== 'arm64'))
    return fail(
      'arch-unsupported',
      `An arm64 phone runs programs for Linux on arm64; this is ${process.platform} on ${process.arch}.`,
      'Use Linux on x86_64 or arm64, or the virtual phone without --arch.',
    );
  const shared = { ...hostMachine(), abi: 'arm64-v8a', unameMachine: 'aarch64', hasNode: false };
  if (process.arch === 'arm64') return ok(shared);
  const emulator = options.emulatorPath ?? findEmulator();
  if (emulator === null || !existsSync(emulator))
    return fail(
      'emulator-missing',
      `Emulating an arm64 phone takes qemu's user emulation; ${
        emulator === null ? `none of ${EMULATORS.join(', ')} is on PATH` : `there is no ${emulator}`
      }.`,
      'Install it: `apt-get install qemu-user-static`, or your system’s package of qemu-user.',
    );
  return ok({
    ...shared,
    soc: `virtual arm64-v8a, ${EMULATED_SOC}`,
    model: 'Pixel 8 (virtual, emulated arm64)',
    isEmulated: true,
    cpuInfo: armCpuInfo(availableParallelism()),
    elfMachine: ELF_MACHINE['arm64'] ?? null,
    runner: [emulator, '-cpu', EMULATED_CPU],
  });
}

/** Path of the first of these programs on PATH; default: qemu's user emulation for arm64. */
export function findEmulator(names: readonly string[] = EMULATORS): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  for (const name of names)
    for (const folder of folders)
      if (folder !== '' && existsSync(join(folder, name))) return join(folder, name);
  return null;
}

function unameMachine(abi: string): string {
  return abi === 'arm64-v8a' ? 'aarch64' : abi;
}

/**
 * As a kernel for arm64 tells of the emulated cores. Programs read it for what the processor can do: ONNX Runtime's
 * library for that crashes on this computer's own.
 */
function armCpuInfo(cores: number): string {
  const features =
    'fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp';
  return Array.from(
    { length: cores },
    (_, index) =>
      `processor\t: ${index}\nBogoMIPS\t: 38.40\nFeatures\t: ${features}\nCPU implementer\t: 0x41\n` +
      'CPU architecture: 8\nCPU variant\t: 0x4\nCPU part\t: 0xd0b\nCPU revision\t: 1\n\n',
  ).join('');
}
