/** A signal as a worker sees it that is busy computing: a flag in shared memory, 1 = cancelled. */
export interface CancelFlag {
  readonly flag: Int32Array<SharedArrayBuffer>;
  /** Stops listening to the signal. */
  readonly release: () => void;
}

export function cancelFlagOf(signal: AbortSignal | undefined): CancelFlag {
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const cancel = (): void => {
    Atomics.store(flag, 0, 1);
  };
  if (signal?.aborted === true) cancel();
  signal?.addEventListener('abort', cancel);
  return { flag, release: () => signal?.removeEventListener('abort', cancel) };
}
