/**
 * Sends the newest of many values, at most one per `everyMs` and the last one always: a dragged slider must
 * not queue a command per pixel.
 */
export function throttledSender<T>(
  send: (value: T) => void,
  everyMs: number,
  setTimer: (run: () => void, ms: number) => void = (run, ms) => void setTimeout(run, ms),
): (value: T) => void {
  let waiting: { readonly value: T } | null = null;
  let resting = false;
  const next = (): void => {
    resting = false;
    if (waiting === null) return;
    const { value } = waiting;
    waiting = null;
    fire(value);
  };
  const fire = (value: T): void => {
    resting = true;
    setTimer(next, everyMs);
    send(value);
  };
  return (value) => {
    if (resting) waiting = { value };
    else fire(value);
  };
}
