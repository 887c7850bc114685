import type { SyntheticLookup } from '../files/synthetic.ts';
import { procFile } from './host-process.ts';
import { SYSTEM_PROCESSES, type ProcessTable } from './process-table.ts';

/** What `/proc/<pid>` shows of a process. */
const NAMES = ['cmdline', 'comm', 'smaps_rollup', 'stat', 'statm', 'status'] as const;

/** `/proc/<pid>/*` of the phone's processes: the host's figures for real ones, the bare form for the others. */
export function processFiles(processes: ProcessTable): SyntheticLookup {
  const find = (
    pid: number,
  ): { name: string; parentPid: number; args: readonly string[]; isReal: boolean } | undefined => {
    const entry = processes.get(pid);
    if (entry !== undefined) return { ...entry, isReal: entry.isHostProcess };
    const system = SYSTEM_PROCESSES.find((process) => process.pid === pid);
    return system === undefined ? undefined : { ...system, args: [system.name], isReal: false };
  };
  return (path) => {
    if (path === '/proc')
      return {
        kind: 'directory',
        names: () => [...SYSTEM_PROCESSES, ...processes.list()].map((entry) => String(entry.pid)),
      };
    const match = /^\/proc\/(\d+)(?:\/([a-z_]+))?$/.exec(path);
    if (match === null) return undefined;
    const pid = Number(match[1]);
    const entry = find(pid);
    if (entry === undefined) return undefined;
    const name = NAMES.find((known) => known === match[2]);
    if (match[2] === undefined) return { kind: 'directory', names: () => [...NAMES] };
    if (name === undefined) return undefined;
    return {
      kind: 'file',
      read: () => {
        if (name === 'cmdline') return entry.args.map((arg) => `${arg}\0`).join('');
        if (name === 'comm') return `${entry.name}\n`;
        if (entry.isReal) return procFile(pid, name);
        if (name === 'stat') return `${pid} (${entry.name}) S ${entry.parentPid}${' 0'.repeat(48)}\n`;
        if (name === 'status')
          return `Name:\t${entry.name}\nState:\tS (sleeping)\nPid:\t${pid}\nPPid:\t${entry.parentPid}\n`;
        return '';
      },
    };
  };
}
