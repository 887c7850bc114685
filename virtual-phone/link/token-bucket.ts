/** A link of limited bandwidth: bytes leave one after the other at a fixed rate. Pure: time comes from outside. */
export class TokenBucket {
  readonly #bytesPerMs: number;
  readonly #burstMs: number;
  /** When the link will have sent all that was taken so far. */
  #busyUntilMs = 0;

  /**
   * @param megabitPerS rate of the link, 10^6 bit per second.
   * @param burstMs how long an idle link may send ahead of its rate.
   */
  constructor(megabitPerS: number, burstMs = 10) {
    this.#bytesPerMs = (megabitPerS * 1e6) / 8 / 1000;
    this.#burstMs = burstMs;
  }

  /** Books `bytes` at time `nowMs`; the milliseconds to wait until they have passed. */
  take(bytes: number, nowMs: number): number {
    this.#busyUntilMs = Math.max(this.#busyUntilMs, nowMs - this.#burstMs) + bytes / this.#bytesPerMs;
    return Math.max(0, this.#busyUntilMs - nowMs);
  }
}
