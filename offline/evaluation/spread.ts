/** `count` whole numbers evenly spread over 0..total-1, ascending, the first 0; all of them where total <= count. */
export function spreadIndices(total: number, count: number): number[] {
  const taken = Math.min(total, count);
  return Array.from({ length: taken }, (_, i) => Math.floor((i * total) / taken));
}

/** The items at {@link spreadIndices}; `limit` 0 takes all. */
export function spread<T>(items: readonly T[], limit: number): T[] {
  const wanted = limit === 0 ? items.length : limit;
  return spreadIndices(items.length, wanted).map((index) => items[index] as T);
}
