import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, ok, type Result } from '../../core/result.ts';
import { signalGroup, startStamp } from './host-process.ts';

/**
 * Record of the phone's real processes in its state folder: one file per pid that holds the process's start time. A
 * phone that died without switching off leaves them behind; the next start ends them.
 */
export class ProcessRecord {
  readonly #folder: string;

  constructor(stateDir: string) {
    this.#folder = join(stateDir, 'processes');
    mkdirSync(this.#folder, { recursive: true });
  }

  add(pid: number): void {
    writeFileSync(join(this.#folder, String(pid)), startStamp(pid) ?? '');
  }

  remove(pid: number): void {
    rmSync(join(this.#folder, String(pid)), { force: true });
  }

  /** Ends what an earlier phone left running; a pid that now belongs to another process is left alone. */
  killLeftovers(): number {
    let killed = 0;
    for (const name of readdirSync(this.#folder)) {
      const pid = Number(name);
      const stamp = readFileSync(join(this.#folder, name), 'utf8');
      if (
        Number.isInteger(pid) &&
        pid > 1 &&
        stamp !== '' &&
        startStamp(pid) === stamp &&
        signalGroup(pid, 'SIGKILL')
      )
        killed += 1;
      rmSync(join(this.#folder, name), { force: true });
    }
    return killed;
  }
}

/** Takes the state folder for this process; failure `state-in-use` while another phone lives in it. */
export function lockState(stateDir: string): Result<() => void> {
  const path = join(stateDir, 'phone.lock');
  let holder: string[] = [];
  try {
    holder = readFileSync(path, 'utf8').split('\n');
  } catch {
    // No phone has lived here yet.
  }
  const pid = Number(holder[0]);
  const isAlive =
    Number.isInteger(pid) && pid > 1 && startStamp(pid) !== undefined && startStamp(pid) === holder[1];
  if (isAlive)
    return fail(
      'state-in-use',
      `The state folder ${stateDir} belongs to a virtual phone that is running (pid ${pid}).`,
      'Stop that phone or pass another --state folder.',
    );
  writeFileSync(path, `${process.pid}\n${startStamp(process.pid) ?? ''}`);
  return ok(() => rmSync(path, { force: true }));
}
