import { invertByCholesky } from './cholesky.ts';
import { multiply, transposed, type Matrix } from './matrix-product.ts';

/** Up to this size a matrix is inverted in one piece. */
const PIECE = 96;

/**
 * Inverse of A + ridge · I for a symmetric positive definite A.
 *
 * @param a [n, n] row-major, of which the lower triangle is read; not changed
 * @throws RangeError where A + ridge · I is not positive definite
 */
export async function invertRidge(a: Float64Array, n: number, ridge: number): Promise<Float64Array> {
  const regular = a.slice();
  for (let i = 0; i < n; i++) regular[i * n + i] = (regular[i * n + i] as number) + ridge;
  return (await inverse({ rows: n, columns: n, data: regular })).data;
}

/**
 * X with (A + ridge · I) X = B for a symmetric positive definite A.
 *
 * @param a [n, n] row-major, of which the lower triangle is read; not changed
 * @param b [n, columns] row-major
 * @throws RangeError where A + ridge · I is not positive definite
 */
export async function solveRidge(
  a: Float64Array,
  b: Float64Array,
  n: number,
  ridge: number,
): Promise<Float64Array> {
  const inverted = { rows: n, columns: n, data: await invertRidge(a, n, ridge) };
  return (await multiply(inverted, { rows: n, columns: b.length / n, data: b })).data;
}

/** By halves: the inverse of the first, and of what the first leaves of the second (its Schur complement). */
async function inverse(a: Matrix): Promise<Matrix> {
  const n = a.rows;
  if (n <= PIECE) return { ...a, data: invertByCholesky(a.data, n) };
  const half = n >> 1;
  const across = part(a, half, 0, n - half, half);
  const first = await inverse(part(a, 0, 0, half, half));
  const led = await multiply(across, first);
  const second = await inverse(
    difference(part(a, half, half, n - half, n - half), await multiply(led, transposed(across))),
  );
  const lower = await multiply(second, led);
  const upper = await multiply(transposed(led), lower);
  const whole = new Float64Array(n * n);
  for (let row = 0; row < half; row++)
    for (let column = 0; column < half; column++) {
      const at = row * half + column;
      whole[row * n + column] = (first.data[at] as number) + (upper.data[at] as number);
    }
  for (let row = half; row < n; row++) {
    for (let column = 0; column < half; column++) {
      const value = -(lower.data[(row - half) * half + column] as number);
      whole[row * n + column] = value;
      whole[column * n + row] = value;
    }
    whole.set(second.data.subarray((row - half) * (n - half), (row - half + 1) * (n - half)), row * n + half);
  }
  return { rows: n, columns: n, data: whole };
}

function part(
  { columns: width, data }: Matrix,
  top: number,
  left: number,
  rows: number,
  columns: number,
): Matrix {
  const out = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const from = (top + row) * width + left;
    out.set(data.subarray(from, from + columns), row * columns);
  }
  return { rows, columns, data: out };
}

function difference(a: Matrix, b: Matrix): Matrix {
  return { ...a, data: a.data.map((value, i) => value - (b.data[i] as number)) };
}
