import { InvalidArgumentError, Option, type Command } from 'commander';
import { variantSchema } from '../../core/bundle-manifest.ts';

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('must be a whole number above 0');
  return value;
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('must be a number above 0');
  return value;
}

/** The flags that every command with a phone has, see `PhoneFlags`. */
export function addPhoneFlags(command: Command): Command {
  return command
    .option('--phone <virtual|serial>', 'the phone: `virtual`, or a serial of `adb devices`', 'virtual')
    .option('--bundle <dir>', 'bundle folder (default: SmolLM2-135M-Instruct, made on first use)')
    .addOption(
      new Option('--variant <name>', 'variant of the default bundle')
        .choices(variantSchema.options)
        .default('int8'),
    )
    .option(
      '--pack <name|dir>',
      'runtime pack: android, glibc-arm64, termux, host, or a folder (default: by the phone)',
    )
    .option('--threads <n>', 'threads of the agent (default: all cores of the phone)', wholeNumber)
    .option(
      '--no-guard-correction',
      'the guard does not correct the profile by what it measures (to compare)',
    )
    .addOption(
      new Option(
        '--arch <name>',
        'virtual phone: its processor; arm64 is emulated where this computer is x86_64',
      )
        .choices(['host', 'arm64'])
        .default('host'),
    )
    .option('--thermal', 'virtual phone: heat slows it')
    .option('--link-mbps <n>', 'virtual phone: bandwidth of its cable, megabit per second', positiveNumber);
}
