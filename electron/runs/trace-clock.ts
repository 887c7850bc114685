/**
 * Time of a trace whose rate can be changed while it plays: `speed` trace milliseconds pass per real one.
 * Pure; the caller gives the real time.
 */
export class TraceClock {
  #traceMs = 0;
  #realMs: number;
  #speed = 1;

  constructor(realNowMs: number) {
    this.#realMs = realNowMs;
  }

  /** @param speed > 0 */
  setSpeed(speed: number, realNowMs: number): void {
    this.#traceMs = this.now(realNowMs);
    this.#realMs = realNowMs;
    this.#speed = speed;
  }

  now(realNowMs: number): number {
    return this.#traceMs + (realNowMs - this.#realMs) * this.#speed;
  }

  /** Real ms until the trace reaches `traceMs`; 0 when it has. */
  realDelayUntil(traceMs: number, realNowMs: number): number {
    return Math.max(0, (traceMs - this.now(realNowMs)) / this.#speed);
  }
}
