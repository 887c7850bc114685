/** Holds processes for a share of each period, so that heat slows them for real. */

/**
 * Short against an answer, long against the few ms that a busy host takes to run a continued process on all of its
 * cores again: these are lost in every period.
 */
const PERIOD_MS = 30;
/** Below this a stop is shorter than the timers can hold. */
const SMALLEST_SHARE = 0.03;
const LARGEST_SHARE = 0.95;
/** Phases are as long as a late timer makes them; the next ones make up for it, but never by more than this. */
const LONGEST_PHASE_MS = 2 * PERIOD_MS;

export interface HeldProcesses {
  /** Stops (true) or continues every process of the phone. */
  readonly hold: (held: boolean) => void;
}

export class DutyCycler {
  readonly #processes: HeldProcesses;
  readonly #nowMs: () => number;
  #share = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Time held beyond the share so far, ms. */
  #surplusMs = 0;
  #phaseAtMs = 0;

  constructor(processes: HeldProcesses, nowMs: () => number = () => performance.now()) {
    this.#processes = processes;
    this.#nowMs = nowMs;
  }

  get share(): number {
    return this.#share;
  }

  setShare(share: number): void {
    this.#share = share < SMALLEST_SHARE ? 0 : Math.min(LARGEST_SHARE, share);
    if (this.#share === 0 || this.#timer !== undefined) return;
    this.#surplusMs = 0;
    this.#phaseAtMs = this.#nowMs();
    this.#hold();
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
    this.#surplusMs -= this.#phaseMs() * this.#share;
    const holdMs = Math.min(LONGEST_PHASE_MS, PERIOD_MS * this.#share - this.#surplusMs);
    this.#timer = setTimeout(() => this.#release(), Math.max(1, holdMs));
  }

  #release(): void {
    this.#processes.hold(false);
    this.#surplusMs += this.#phaseMs() * (1 - this.#share);
    if (this.#share === 0) {
      this.#timer = undefined;
      return;
    }
    const runMs = Math.min(LONGEST_PHASE_MS, this.#surplusMs / this.#share);
    this.#timer = setTimeout(
      () => {
        if (this.#share > 0) this.#hold();
        else this.#timer = undefined;
      },
      Math.max(1, runMs),
    );
  }

  /** Length of the phase that ends now, ms; the next one begins. */
  #phaseMs(): number {
    const nowMs = this.#nowMs();
    const lengthMs = nowMs - this.#phaseAtMs;
    this.#phaseAtMs = nowMs;
    return lengthMs;
  }
}
