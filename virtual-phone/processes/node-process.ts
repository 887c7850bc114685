import type { CommandCall } from '../shell/command.ts';
import { runHostProgram } from './host-program.ts';
import { mapArgument, processEnvironment } from './phone-words.ts';

const CODE_FLAGS = new Set(['-e', '-p', '--eval', '--print']);

/** Runs the host's Node as a process of the phone; resolves with its exit status. */
export function runNode(call: CommandCall): Promise<number> {
  const { device } = call;
  const hostPath = (path: string): string => device.files.hostPath(path);
  const environment = processEnvironment(call);
  if (process.versions['electron'] !== undefined) environment['ELECTRON_RUN_AS_NODE'] = '1';
  const systemRoot = process.env['SystemRoot'];
  if (process.platform === 'win32' && systemRoot !== undefined) environment['SystemRoot'] = systemRoot;
  return runHostProgram(call, {
    name: 'node',
    args: ['node', ...call.args],
    file: device.nodePath,
    hostArgs: call.args.map((arg, index) =>
      CODE_FLAGS.has(call.args[index - 1] ?? '') ? arg : mapArgument(arg, hostPath),
    ),
    environment,
  });
}
