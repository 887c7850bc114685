/** One step of a long command: `fraction` of the whole in 0..1, and seconds left where they can be told. */
export interface Progress {
  readonly stage: string;
  readonly fraction: number;
  readonly etaSeconds: number | null;
}

export type OnProgress = (progress: Progress) => void;

/** Weight of each stage in the whole, measured on SmolLM2-135M int8 on 2 cores. */
export type StageShares<Stage extends string> = Readonly<Record<Stage, number>>;

/** Turns progress inside of stages into progress of the whole, with an ETA from the time used so far. */
export class StageProgress<Stage extends string> {
  readonly #order: readonly (readonly [Stage, number])[];
  readonly #total: number;
  readonly #report: OnProgress;
  readonly #startedAtMs = performance.now();

  constructor(shares: StageShares<Stage>, report: OnProgress) {
    this.#order = Object.entries(shares) as [Stage, number][];
    this.#total = this.#order.reduce((sum, [, share]) => sum + share, 0);
    this.#report = report;
  }

  /** @param within progress inside of the stage, 0..1. */
  at(stage: Stage, within: number): void {
    let before = 0;
    for (const [name, share] of this.#order) {
      if (name === stage) {
        const fraction = Math.min(1, (before + share * within) / this.#total);
        const elapsedSeconds = (performance.now() - this.#startedAtMs) / 1000;
        const etaSeconds = fraction > 0.05 ? (elapsedSeconds / fraction) * (1 - fraction) : null;
        this.#report({ stage, fraction, etaSeconds });
        return;
      }
      before += share;
    }
  }
}
