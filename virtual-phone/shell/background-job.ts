import { constants } from 'node:os';
import type { PhoneDevice } from '../device.ts';
import { NO_INPUT } from './byte-streams.ts';
import type { Run } from './interpreter.ts';
import { holdsOutput, type Node } from './syntax.ts';

/**
 * Starts `node &` and waits only until its pid is known: that of the real process which a simple command becomes, else
 * one of the phone's own. The job outlives its shell and the shell's client.
 *
 * @param runJob runs the node to its status.
 * @returns 0, the status of `&`.
 */
export async function startJob(
  device: PhoneDevice,
  node: Node,
  run: Run,
  runJob: (job: Run) => Promise<number>,
): Promise<number> {
  const controller = new AbortController();
  const { promise: pidKnown, resolve: settlePid } = deferred<number>();
  const virtualPid = device.processes.virtualPid();
  let killedBy: NodeJS.Signals | undefined;
  device.processes.add({
    pid: virtualPid,
    parentPid: run.state.pid,
    name: 'sh',
    args: ['sh'],
    startedAtMs: Date.now(),
    isHostProcess: false,
    signal: (signal) => {
      if (signal === 'SIGCONT' || signal === 'SIGSTOP') return;
      killedBy = signal;
      controller.abort(signal);
    },
  });
  const claimPid = (pid: number): void => {
    if (pid > 0) device.processes.remove(virtualPid);
    settlePid(pid > 0 ? pid : virtualPid);
  };
  if (node.kind !== 'simple') settlePid(virtualPid);
  const job: Run = {
    ...run,
    state: run.state.copy(),
    streams: { ...run.streams, stdin: NO_INPUT },
    signal: AbortSignal.any([controller.signal, device.lifetime]),
    isDetached: true,
    claimPid: node.kind === 'simple' ? claimPid : undefined,
    holders: [],
  };
  const done = runJob(job)
    .catch((error: unknown) => {
      device.log.add(
        'E',
        'sh',
        `background job: ${error instanceof Error ? (error.stack ?? '') : String(error)}`,
      );
      return 1;
    })
    .then((status) => (killedBy === undefined ? status : 128 + constants.signals[killedBy]))
    .finally(() => {
      settlePid(virtualPid);
      device.processes.remove(virtualPid);
    });
  if (holdsOutput(node)) run.holders.push(done);
  const pid = await pidKnown;
  run.state.jobs.push({ pid, done });
  run.state.lastJobPid = pid;
  return 0;
}

/** `Promise.withResolvers` for Node 20. */
function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let settle: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => {
    settle = resolve;
  });
  return { promise, resolve: (value) => settle(value) };
}
