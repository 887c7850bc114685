import type { CommandCall } from '../shell/command.ts';

/** Folders of the phone's root that an argument or variable may name; anything else that begins with `/` is left. */
const MAPPED_ROOTS = /^\/(?:apex|bin|data|etc|mnt|odm|product|sdcard|storage|system|vendor)(?=\/|$)/;

type HostPath = (phonePath: string) => string;

/** An absolute phone path as the host's, also behind `--option=`, also several between colons; other text as it is. */
export function mapArgument(text: string, hostPath: HostPath): string {
  const match = /^(-[^=\s]*=)(\/.*)$/s.exec(text);
  const [prefix, path] = match === null ? ['', text] : [match[1] ?? '', match[2] ?? ''];
  const items = path.split(':');
  // A colon may stand in a file's name: only what consists of phone paths altogether is a list of them.
  if (items.length > 1 && items.every((item) => MAPPED_ROOTS.test(item)))
    return `${prefix}${items.map((item) => hostPath(item)).join(':')}`;
  return MAPPED_ROOTS.test(path) ? `${prefix}${hostPath(path)}` : text;
}

/** A variable's value: a path, or several between colons. */
export function mapVariable(text: string, hostPath: HostPath): string {
  return text
    .split(':')
    .map((item) => mapArgument(item, hostPath))
    .join(':');
}

/**
 * Environment of a process of the phone: the shell's exported variables with phone paths mapped, and where the phone's
 * files lie on the host. Nothing of the host's own.
 */
export function processEnvironment(call: CommandCall): Record<string, string> {
  const { files } = call.device;
  const hostPath = (path: string): string => files.hostPath(path);
  const environment: Record<string, string> = { LANG: 'C.UTF-8' };
  for (const [name, value] of call.state.environment()) environment[name] = mapVariable(value, hostPath);
  environment['HOME'] = files.hostPath(call.state.variables.get('HOME') ?? '/');
  environment['BUNGEE_VIRTUAL_PHONE'] = '1';
  environment['BUNGEE_PHONE_ROOT'] = files.root;
  return environment;
}
