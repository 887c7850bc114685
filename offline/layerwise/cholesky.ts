/** Sum of a[i] * b[i] over `length` elements from two places: four sums at once, which is what keeps a CPU busy. */
function dot(a: Float64Array, fromA: number, b: Float64Array, fromB: number, length: number): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let k = 0;
  for (; k + 3 < length; k += 4) {
    s0 += (a[fromA + k] as number) * (b[fromB + k] as number);
    s1 += (a[fromA + k + 1] as number) * (b[fromB + k + 1] as number);
    s2 += (a[fromA + k + 2] as number) * (b[fromB + k + 2] as number);
    s3 += (a[fromA + k + 3] as number) * (b[fromB + k + 3] as number);
  }
  for (; k < length; k++) s0 += (a[fromA + k] as number) * (b[fromB + k] as number);
  return s0 + s1 + (s2 + s3);
}

/**
 * Overwrites the lower triangle of a symmetric positive definite matrix with its Cholesky factor.
 *
 * @throws RangeError where it is not positive definite
 */
function factorize(a: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++)
      a[i * n + j] = ((a[i * n + j] as number) - dot(a, i * n, a, j * n, j)) / (a[j * n + j] as number);
    const square = (a[i * n + i] as number) - dot(a, i * n, a, i * n, i);
    if (!(square > 0)) throw new RangeError(`row ${i} of ${n}: the matrix is not positive definite`);
    a[i * n + i] = Math.sqrt(square);
  }
}

/**
 * Inverse of a small symmetric positive definite matrix; large ones: `positive-definite.ts`.
 *
 * @param a [n, n] row-major, of which the lower triangle is read and overwritten
 * @throws RangeError where it is not positive definite
 */
export function invertByCholesky(a: Float64Array, n: number): Float64Array {
  factorize(a, n);
  // Row c of `columns` is column c of the factor's inverse: [L^-1]_rc at r >= c, so that sums run along rows.
  const columns = new Float64Array(n * n);
  for (let c = 0; c < n; c++) {
    columns[c * n + c] = 1 / (a[c * n + c] as number);
    for (let r = c + 1; r < n; r++)
      columns[c * n + r] = -dot(a, r * n + c, columns, c * n + c, r - c) / (a[r * n + r] as number);
  }
  const inverse = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      const value = dot(columns, i * n + i, columns, j * n + i, n - i);
      inverse[i * n + j] = value;
      inverse[j * n + i] = value;
    }
  return inverse;
}
