import { fail, ok, type Result } from '../../core/result.ts';
import { ensureEmulator } from './emulator.ts';
import { stateFolder } from './folders.ts';

export type PhoneArch = 'host' | 'arm64';

/** Name of the arm64 phone, and so of its own files and profiles. */
export const ARM64_SERIAL = 'VIRTUALARM64';

/** What a virtual phone is started with so that it has a processor. */
export interface PhoneMachine {
  /** Its processor is not this computer's. */
  readonly isEmulated: boolean;
  readonly phone: {
    readonly stateDir: string;
    readonly serial?: string;
    readonly arch?: PhoneArch;
    readonly emulator?: string;
  };
}

/**
 * The processor that the flags ask for. An arm64 phone keeps files and profiles of its own: neither programs nor
 * latencies are those of the other one. Failures `usage`, and those of {@link ensureEmulator}.
 */
export async function chooseMachine(
  flags: { readonly phone: string; readonly arch: PhoneArch },
  signal: AbortSignal,
): Promise<Result<PhoneMachine>> {
  if (flags.arch === 'host')
    return ok({ isEmulated: false, phone: { stateDir: stateFolder('virtual-phone') } });
  if (flags.phone !== 'virtual')
    return fail('usage', `--arch is for the virtual phone; ${flags.phone} has a processor of its own.`);
  const phone = {
    stateDir: stateFolder('virtual-phone-arm64'),
    serial: ARM64_SERIAL,
    arch: flags.arch,
  } as const;
  const emulator = await emulatorFor(flags.arch, signal);
  if (!emulator.ok) return emulator;
  return ok(
    emulator.value === null
      ? { isEmulated: false, phone }
      : { isEmulated: true, phone: { ...phone, emulator: emulator.value } },
  );
}

/**
 * The emulator that this computer needs for a phone's processor; null: none, or none can help, which the phone itself
 * says then. Failures: those of {@link ensureEmulator}.
 */
export async function emulatorFor(arch: PhoneArch, signal: AbortSignal): Promise<Result<string | null>> {
  return arch === 'arm64' && process.platform === 'linux' && process.arch === 'x64'
    ? ensureEmulator(signal)
    : ok(null);
}
