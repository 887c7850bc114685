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
 * Overwrites the lower triangle of a symmetric positive definite matrix (A + ridge · I) with its Cholesky factor.
 *
 * @param a [n, n] row-major
 * @throws RangeError where it is not positive definite
 */
function factorize(a: Float64Array, n: number, ridge: number): void {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++)
      a[i * n + j] = ((a[i * n + j] as number) - dot(a, i * n, a, j * n, j)) / (a[j * n + j] as number);
    const square = (a[i * n + i] as number) + ridge - dot(a, i * n, a, i * n, i);
    if (!(square > 0)) throw new RangeError(`row ${i} of ${n}: the matrix is not positive definite`);
    a[i * n + i] = Math.sqrt(square);
  }
}

/**
 * Solves (A + ridge · I) X = B for a symmetric positive definite A, in place.
 *
 * @param a [n, n] row-major; its lower triangle is overwritten with the factor
 * @param b [n, columns] row-major; overwritten with X
 * @throws RangeError where A + ridge · I is not positive definite
 */
export function solveRidge(a: Float64Array, b: Float64Array, n: number, ridge: number): void {
  factorize(a, n, ridge);
  const columns = b.length / n;
  const subtract = (target: number, source: number, factor: number): void => {
    const [to, from] = [target * columns, source * columns];
    for (let c = 0; c < columns; c++) b[to + c] = (b[to + c] as number) - factor * (b[from + c] as number);
  };
  const divide = (row: number): void => {
    const diagonal = a[row * n + row] as number;
    for (let c = 0; c < columns; c++) b[row * columns + c] = (b[row * columns + c] as number) / diagonal;
  };
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) subtract(i, k, a[i * n + k] as number);
    divide(i);
  }
  for (let i = n - 1; i >= 0; i--) {
    divide(i);
    for (let k = 0; k < i; k++) subtract(k, i, a[i * n + k] as number);
  }
}

/**
 * Inverse of A + ridge · I for a symmetric positive definite A.
 *
 * @param a [n, n] row-major; its lower triangle is overwritten
 * @returns [n, n], of which only the lower triangle is filled
 * @throws RangeError where A + ridge · I is not positive definite
 */
export function invertRidge(a: Float64Array, n: number, ridge: number): Float64Array {
  factorize(a, n, ridge);
  // Row c of `columns` is column c of the factor's inverse: [L^-1]_rc at r >= c, so that sums run along rows.
  const columns = new Float64Array(n * n);
  for (let c = 0; c < n; c++) {
    columns[c * n + c] = 1 / (a[c * n + c] as number);
    for (let r = c + 1; r < n; r++)
      columns[c * n + r] = -dot(a, r * n + c, columns, c * n + c, r - c) / (a[r * n + r] as number);
  }
  const inverse = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) inverse[i * n + j] = dot(columns, i * n + i, columns, j * n + i, n - i);
  return inverse;
}
