/**
 * The rising curve closest to measured values in squares (pool adjacent violators): neighbours that fall are
 * replaced by their mean, until none does. A larger level holds every weight of a smaller one, so where a
 * measurement says that it is worse, that is the sample's noise.
 */
export function neverFalling(values: readonly number[]): number[] {
  const pools: { mean: number; count: number }[] = [];
  for (const value of values) {
    let pool = { mean: value, count: 1 };
    for (let last = pools.at(-1); last !== undefined && last.mean > pool.mean; last = pools.at(-1)) {
      const count = last.count + pool.count;
      pool = { mean: (last.mean * last.count + pool.mean * pool.count) / count, count };
      pools.pop();
    }
    pools.push(pool);
  }
  return pools.flatMap(({ mean, count }) => new Array<number>(count).fill(mean));
}
