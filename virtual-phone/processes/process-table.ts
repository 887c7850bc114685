import { cpuSeconds, descendants, signalGroup } from './host-process.ts';

/** A process of the phone, as `ps` shows it. */
export interface PhoneProcess {
  /** Host pid of a real process; above {@link FIRST_VIRTUAL_PID} for what runs inside the phone's own shell. */
  readonly pid: number;
  readonly parentPid: number;
  readonly name: string;
  readonly args: readonly string[];
  readonly startedAtMs: number;
  /** Leads a process group of the host. */
  readonly isHostProcess: boolean;
  readonly signal: (signal: NodeJS.Signals) => void;
}

/** Above Linux's largest pid (4194304), so that no host process has the same. */
export const FIRST_VIRTUAL_PID = 4_200_000;

/** Processes that every Android has; listed so that parsers meet more than their own. */
export const SYSTEM_PROCESSES: readonly { pid: number; parentPid: number; user: string; name: string }[] = [
  { pid: 1, parentPid: 0, user: 'root', name: 'init' },
  { pid: 2, parentPid: 0, user: 'root', name: 'kthreadd' },
  { pid: 312, parentPid: 1, user: 'system', name: 'servicemanager' },
  { pid: 640, parentPid: 1, user: 'root', name: 'zygote64' },
  { pid: 655, parentPid: 1, user: 'system', name: 'surfaceflinger' },
  { pid: 902, parentPid: 640, user: 'system', name: 'system_server' },
  { pid: 1044, parentPid: 1, user: 'shell', name: 'adbd' },
];
export const ADBD_PID = 1044;

export class ProcessTable {
  readonly #processes = new Map<number, PhoneProcess>();
  #nextVirtualPid = FIRST_VIRTUAL_PID;
  #isHeld = false;

  virtualPid(): number {
    this.#nextVirtualPid += 1;
    return this.#nextVirtualPid;
  }

  add(entry: PhoneProcess): void {
    this.#processes.set(entry.pid, entry);
    if (this.#isHeld && entry.isHostProcess) signalGroup(entry.pid, 'SIGSTOP');
  }

  remove(pid: number): void {
    this.#processes.delete(pid);
  }

  get(pid: number): PhoneProcess | undefined {
    return this.#processes.get(pid);
  }

  list(): PhoneProcess[] {
    return [...this.#processes.values()].sort((a, b) => a.pid - b.pid);
  }

  /** @returns whether there was such a process. */
  signal(pid: number, signal: NodeJS.Signals | 0): boolean {
    const entry = this.#processes.get(pid);
    if (entry === undefined) return false;
    if (signal !== 0) entry.signal(signal);
    return true;
  }

  /** Stops or continues every process (the thermal throttle). */
  hold(held: boolean): void {
    this.#isHeld = held;
    for (const entry of this.#processes.values())
      if (entry.isHostProcess) signalGroup(entry.pid, held ? 'SIGSTOP' : 'SIGCONT');
  }

  /** CPU seconds used so far by each live process with its children, by pid. */
  cpuSecondsByPid(): Map<number, number> {
    const used = new Map<number, number>();
    for (const entry of this.#processes.values())
      if (entry.isHostProcess)
        for (const pid of [entry.pid, ...descendants(entry.pid)]) used.set(pid, cpuSeconds(pid));
    return used;
  }
}
