/** One number of a computation, by its place on the tape. */
export type Scalar = number & { readonly tape: unique symbol };

/**
 * Reverse-mode differentiation number by number in float64: slow, and with nothing in common with the rules for
 * ONNX operators that it is the reference of.
 */
export class ScalarTape {
  readonly #values: number[] = [];
  readonly #operands: (readonly Scalar[])[] = [];
  readonly #slopes: (readonly number[])[] = [];

  leaf(value: number): Scalar {
    return this.#push(value, [], []);
  }

  value(scalar: Scalar): number {
    return this.#values[scalar] ?? NaN;
  }

  add(a: Scalar, b: Scalar): Scalar {
    return this.#push(this.value(a) + this.value(b), [a, b], [1, 1]);
  }

  sum(terms: readonly Scalar[]): Scalar {
    const total = terms.reduce((sum, term) => sum + this.value(term), 0);
    return this.#push(
      total,
      terms,
      terms.map(() => 1),
    );
  }

  mul(a: Scalar, b: Scalar): Scalar {
    return this.#push(this.value(a) * this.value(b), [a, b], [this.value(b), this.value(a)]);
  }

  scale(a: Scalar, factor: number): Scalar {
    return this.#push(this.value(a) * factor, [a], [factor]);
  }

  /** a^exponent */
  power(a: Scalar, exponent: number): Scalar {
    return this.#push(this.value(a) ** exponent, [a], [exponent * this.value(a) ** (exponent - 1)]);
  }

  exp(a: Scalar): Scalar {
    return this.#push(Math.exp(this.value(a)), [a], [Math.exp(this.value(a))]);
  }

  log(a: Scalar): Scalar {
    return this.#push(Math.log(this.value(a)), [a], [1 / this.value(a)]);
  }

  dot(a: readonly Scalar[], b: readonly Scalar[]): Scalar {
    return this.sum(a.map((term, index) => this.mul(term, b[index] ?? this.leaf(NaN))));
  }

  /** Slope of `of` along each number on the tape. */
  backward(of: Scalar): Float64Array {
    const gradients = new Float64Array(this.#values.length);
    gradients[of] = 1;
    for (let index = of as number; index >= 0; index--)
      for (const [which, operand] of (this.#operands[index] ?? []).entries())
        gradients[operand] =
          (gradients[operand] ?? 0) + (gradients[index] ?? 0) * (this.#slopes[index]?.[which] ?? NaN);
    return gradients;
  }

  #push(value: number, operands: readonly Scalar[], slopes: readonly number[]): Scalar {
    this.#values.push(value);
    this.#operands.push(operands);
    this.#slopes.push(slopes);
    return (this.#values.length - 1) as Scalar;
  }
}
