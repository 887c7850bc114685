import type { CommandCall } from '../shell/command.ts';
import { runHostProgram } from './host-program.ts';
import { mapArgument, processEnvironment } from './phone-words.ts';

/** What the dynamic linker of the phone's program reads; an emulator that is linked itself must not see it. */
const LINKER_VARIABLE = /^LD_/;

/**
 * Runs a program made for the phone's processor as a process of the phone, under an emulator where this computer has
 * another; resolves with its exit status. The caller has looked that the file is such a program.
 *
 * The emulator looks for every file that the program opens in the phone's folder first: `/proc/cpuinfo` and
 * `/sys/class/thermal` there are the phone's.
 *
 * @param path canonical phone path of the file.
 * @param loader canonical phone path of the program that loads it, null when it needs none.
 */
export function runNative(call: CommandCall, path: string, loader: string | null): Promise<number> {
  const { device } = call;
  const { files, machine } = device;
  const hostPath = (phonePath: string): string => files.hostPath(phonePath);
  const environment = processEnvironment(call);
  const program = [...(loader === null ? [] : [loader]), path].map(hostPath);
  const command = [
    ...machine.runner,
    ...(machine.runner.length === 0 ? [] : ['-L', files.root, ...linkerSettings(environment)]),
    ...program,
    ...call.args.map((arg) => mapArgument(arg, hostPath)),
  ];
  const [file = '', ...hostArgs] = command;
  return runHostProgram(call, {
    name: path.slice(path.lastIndexOf('/') + 1),
    args: [call.name, ...call.args],
    file,
    hostArgs,
    environment,
  });
}

/** Moves the linker's variables out of the environment into the emulator's own arguments. */
function linkerSettings(environment: Record<string, string>): string[] {
  const settings: string[] = [];
  for (const [name, value] of Object.entries(environment)) {
    // The emulator takes a comma for the end of a setting: such a path stays in its environment.
    if (!LINKER_VARIABLE.test(name) || value.includes(',')) continue;
    settings.push('-E', `${name}=${value}`);
    Reflect.deleteProperty(environment, name);
  }
  return settings;
}
