/** Holds processes for a share of each period, so that heat slows them for real. */

/** Long enough for the host's scheduler, short against a decoded token. */
const PERIOD_MS = 30;
/** Below this a stop is shorter than the timers can hold. */
const SMALLEST_SHARE = 0.03;

export interface HeldProcesses {
  /** Stops (true) or continues every process of the phone. */
  readonly hold: (held: boolean) => void;
}

export class DutyCycler {
  readonly #processes: HeldProcesses;
  #share = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(processes: HeldProcesses) {
    this.#processes = processes;
  }

  get share(): number {
    return this.#share;
  }

  setShare(share: number): void {
    this.#share = share < SMALLEST_SHARE ? 0 : Math.min(0.95, share);
    if (this.#share > 0 && this.#timer === undefined) this.#hold();
  }

  stop(): void {
    this.#share = 0;
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#processes.hold(false);
  }

  #hold(): void {
    this.#processes.hold(true);
    this.#timer = setTimeout(() => {
      this.#processes.hold(false);
      if (this.#share === 0) this.#timer = undefined;
      else this.#timer = setTimeout(() => this.#hold(), PERIOD_MS * (1 - this.#share));
    }, PERIOD_MS * this.#share);
  }
}
