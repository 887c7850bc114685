import { PhoneFileError } from '../../files/errno.ts';
import type { PhoneStat } from '../../files/phone-stat.ts';
import { operandPath, type Command } from '../command.ts';
import { matchesPattern } from '../glob.ts';

type Test = (path: string, stat: PhoneStat) => boolean;

const TYPE = { f: 'file', d: 'directory', l: 'symlink' } as const;

/** `find PATH... [-name P] [-type f|d|l] [-maxdepth N] [-mindepth N]`: every test has to hold. */
export const find: Command = async (call) => {
  const firstOption = call.args.findIndex((arg) => arg.startsWith('-'));
  const paths = firstOption < 0 ? [...call.args] : call.args.slice(0, firstOption);
  const options = firstOption < 0 ? [] : call.args.slice(firstOption);
  const tests: Test[] = [];
  let [minDepth, maxDepth] = [0, Number.POSITIVE_INFINITY];
  for (let at = 0; at < options.length; at += 2) {
    const [name = '', value = ''] = options.slice(at, at + 2);
    if (name === '-maxdepth') maxDepth = Number(value);
    else if (name === '-mindepth') minDepth = Number(value);
    else if (name === '-name')
      tests.push((path) => matchesPattern(value, path.replace(/\/+$/, '').split('/').at(-1) ?? ''));
    else if (name === '-type' && (value === 'f' || value === 'd' || value === 'l'))
      tests.push((_path, stat) => stat.kind === TYPE[value]);
    else if (name === '-print') at -= 1;
    else {
      await call.err(`find: bad arg '${name}'\n`);
      return 1;
    }
  }
  const { files } = call.device;
  let status = 0;
  const visit = async (path: string, depth: number): Promise<void> => {
    if (call.signal.aborted) return;
    try {
      const stat = files.lstat(operandPath(call, path));
      if (depth >= minDepth && tests.every((test) => test(path, stat))) await call.out(`${path}\n`);
      if (stat.kind !== 'directory' || depth >= maxDepth) return;
      for (const name of files.readdir(operandPath(call, path)))
        await visit(path.endsWith('/') ? `${path}${name}` : `${path}/${name}`, depth + 1);
    } catch (error) {
      if (!(error instanceof PhoneFileError)) throw error;
      await call.err(`find: ${path}: ${error.text}\n`);
      status = 1;
    }
  };
  for (const path of paths.length === 0 ? ['.'] : paths) await visit(path, 0);
  return status;
};
