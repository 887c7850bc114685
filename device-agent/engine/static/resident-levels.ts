import type { Level } from '../../../core/level.ts';

/** Wishes after which all counts are halved, so that what was asked for long ago is forgotten. */
const HALVED_EVERY = 64;
/** How many more wishes a level needs than the one whose place it takes: loading takes a second and more. */
const LEAD = 2;

/**
 * Which levels have their own session, of which each holds its weights: those that are asked for most. Least recently
 * used would load at nearly every request where apps with different SLOs take turns.
 */
export class ResidentLevels {
  readonly #places: number;
  readonly #wishes = new Map<Level, number>();
  readonly #resident = new Set<Level>();
  #total = 0;

  /** @param places levels that may be resident at a time, at least 1 */
  constructor(places: number) {
    this.#places = places;
  }

  /** Counts a wish for a level. */
  wish(level: Level): void {
    this.#wishes.set(level, this.#count(level) + 1);
    if (++this.#total % HALVED_EVERY === 0)
      for (const [each, count] of this.#wishes) this.#wishes.set(each, count / 2);
  }

  /**
   * Whether a level that is not resident should become so, and which one leaves for it (null = there is room).
   *
   * @param must it becomes resident in any case
   */
  change(level: Level, must = false): { readonly evict: Level | null } | null {
    if (this.#resident.has(level)) return null;
    if (this.#resident.size < this.#places) return { evict: null };
    const [least] = [...this.#resident].sort((a, b) => this.#count(a) - this.#count(b));
    if (least === undefined) return { evict: null };
    return must || this.#count(level) >= this.#count(least) + LEAD ? { evict: least } : null;
  }

  add(level: Level): void {
    this.#resident.add(level);
  }

  remove(level: Level): void {
    this.#resident.delete(level);
  }

  #count(level: Level): number {
    return this.#wishes.get(level) ?? 0;
  }
}
