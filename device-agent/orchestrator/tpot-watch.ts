import { median } from '../../core/statistics.ts';

/** Gaps between tokens that are seen at a level before it is judged. */
const LEAST_GAPS = 3;
/** Latest gaps that tell how long the next ones take: their median, so that one hiccup is none of it. */
const LATEST_GAPS = 5;

/**
 * Watches one request's TPOT against its bound. Says `lower` when the mean so far is over the bound and would still be
 * at the last token if the rest took as long as the latest tokens did.
 */
export class TpotWatch {
  readonly #boundMs: number;
  readonly #maxTokens: number;
  #tokens = 0;
  #elapsedMs = 0;
  #lastAtMs: number | null = null;
  /** Latest gaps at the present level; null = it begins with the next token. */
  #gapsMs: number[] | null = null;

  constructor(boundMs: number, maxTokens: number) {
    this.#boundMs = boundMs;
    this.#maxTokens = maxTokens;
  }

  /** Counts a token; after `lower` the gaps are those of another level. */
  onToken(atMs: number): 'lower' | 'go-on' {
    const gapMs = atMs - (this.#lastAtMs ?? atMs);
    this.#lastAtMs = atMs;
    this.#tokens++;
    this.#elapsedMs += gapMs;
    if (this.#gapsMs === null) {
      this.#gapsMs = [];
      return 'go-on';
    }
    this.#gapsMs = [...this.#gapsMs, gapMs].slice(-LATEST_GAPS);
    const left = this.#maxTokens - this.#tokens;
    if (this.#gapsMs.length < LEAST_GAPS || left <= 0) return 'go-on';
    const soFarMs = this.#elapsedMs / (this.#tokens - 1);
    const atEndMs = (this.#elapsedMs + left * median(this.#gapsMs)) / (this.#maxTokens - 1);
    if (soFarMs <= this.#boundMs || atEndMs <= this.#boundMs) return 'go-on';
    this.#gapsMs = null;
    return 'lower';
  }
}
