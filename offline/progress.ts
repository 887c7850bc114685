/** One step of a long command: `fraction` of the whole in 0..1, and seconds left where they can be told. */
export interface Progress {
  readonly stage: string;
  readonly fraction: number;
  readonly etaSeconds: number | null;
}

export type OnProgress = (progress: Progress) => void;

/** Seconds of each stage: what one weighs in the whole. */
export type StageShares<Stage extends string> = Readonly<Record<Stage, number>>;

/** Turns progress inside of stages into progress of the whole, with an ETA from the time used so far. */
export class StageProgress<Stage extends string> {
  readonly #order: readonly (readonly [Stage, number])[];
  readonly #total: number;
  readonly #report: OnProgress;
  readonly #startedAtMs = performance.now();
  /** Share of the whole that an earlier run has done: it took none of this run's time. */
  #givenFraction = 0;

  constructor(shares: StageShares<Stage>, report: OnProgress) {
    this.#order = Object.entries(shares) as [Stage, number][];
    this.#total = this.#order.reduce((sum, [, share]) => sum + share, 0);
    this.#report = report;
  }

  /** The stages up to the end of this one were done by an earlier run. */
  given(stage: Stage): void {
    let until = 0;
    for (const [name, share] of this.#order) {
      until += share;
      if (name === stage) break;
    }
    this.#givenFraction = Math.max(this.#givenFraction, until / this.#total);
  }

  /** @param within progress inside of the stage, 0..1. */
  at(stage: Stage, within: number): void {
    let before = 0;
    for (const [name, share] of this.#order) {
      if (name === stage) {
        const fraction = Math.min(1, (before + share * within) / this.#total);
        const elapsedSeconds = (performance.now() - this.#startedAtMs) / 1000;
        const done = fraction - this.#givenFraction;
        const etaSeconds =
          done > 0.02 && elapsedSeconds > 1 ? (elapsedSeconds / done) * (1 - fraction) : null;
        this.#report({ stage, fraction, etaSeconds });
        return;
      }
      before += share;
    }
  }
}
