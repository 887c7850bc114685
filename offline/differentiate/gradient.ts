import type { StaticGraph } from './static-graph.ts';
import { sameDims } from './tensor.ts';

/** Same rank as the value it is the gradient of; a dim may be 1 where the gradient is equal along the axis. */
interface Whole {
  readonly kind: 'whole';
  readonly value: string;
}

/** The gradient of a run of an axis; 0 elsewhere. */
interface Run {
  readonly kind: 'run';
  readonly value: string;
  readonly axis: number;
  readonly start: number;
}

/** Gradients of single elements along an axis, added up where an index comes twice; 0 elsewhere. */
export interface Scattered {
  readonly kind: 'scattered';
  readonly value: string;
  readonly indices: string;
  readonly axis: number;
}

/** What one use of a value adds to its gradient. */
export type Contribution = Whole | Run | Scattered;

export const whole = (value: string): Contribution => ({ kind: 'whole', value });

/**
 * The gradient of a value, put together from its uses only when it is read. Sparse and broadcast forms are
 * kept, so a rule that can work on them saves passes over the full tensor.
 */
export class Gradient {
  readonly #graph: StaticGraph;
  readonly #dims: readonly number[];
  readonly #contributions: Contribution[] = [];
  #sum: string | null = null;

  constructor(graph: StaticGraph, dims: readonly number[]) {
    this.#graph = graph;
    this.#dims = dims;
  }

  add(contribution: Contribution): void {
    this.#contributions.push(contribution);
  }

  /** The only contribution, if it is one of single elements. */
  get scattered(): Scattered | null {
    const [only, second] = this.#contributions;
    return only?.kind === 'scattered' && second === undefined ? only : null;
  }

  /** The sum, of the value's rank; dims are the value's or 1. */
  broadcastable(): string {
    this.#sum ??= this.#scatterInto(this.#addUp([...this.#wholes(), ...this.#runs()]));
    return this.#sum;
  }

  /** The sum with the value's dims. */
  dense(): string {
    return expandTo(this.#graph, this.broadcastable(), this.#dims);
  }

  #wholes(): string[] {
    return this.#contributions.flatMap((part) => (part.kind === 'whole' ? [part.value] : []));
  }

  /** Runs side by side become one Concat, with zeros where there are gaps. */
  #runs(): string[] {
    const rows: { axis: number; end: number; parts: string[] }[] = [];
    const runs = this.#contributions.filter((part) => part.kind === 'run');
    for (const { value, axis, start } of runs.toSorted((a, b) => a.start - b.start)) {
      let row = rows.find((other) => other.axis === axis && other.end <= start);
      if (row === undefined) rows.push((row = { axis, end: 0, parts: [] }));
      if (row.end < start) row.parts.push(this.#zeros(axis, start - row.end));
      row.parts.push(value);
      row.end = start + (this.#graph.dims(value)[axis] ?? 0);
    }
    return rows.map(({ axis, end, parts }) => {
      const rest = (this.#dims[axis] ?? 0) - end;
      const all = rest > 0 ? [...parts, this.#zeros(axis, rest)] : parts;
      const [only = '', second] = all;
      return second === undefined ? only : this.#graph.op('Concat', all, { axis });
    });
  }

  #zeros(axis: number, length: number): string {
    return this.#graph.zeros(this.#dims.with(axis, length));
  }

  /** The small ones first, so that as few sums as possible are of full size. */
  #addUp(values: readonly string[]): string | null {
    const size = (value: string): number =>
      this.#graph.dims(value).reduce((product, dim) => product * dim, 1);
    const sorted = values.toSorted((a, b) => size(a) - size(b));
    return sorted.reduce<string | null>(
      (sum, value) => (sum === null ? value : this.#graph.op('Add', [sum, value])),
      null,
    );
  }

  #scatterInto(sum: string | null): string {
    let into = sum;
    for (const part of this.#contributions)
      if (part.kind === 'scattered') {
        const onto = into === null ? this.#graph.zeros(this.#dims) : expandTo(this.#graph, into, this.#dims);
        into = scatter(this.#graph, onto, part);
      }
    return into ?? this.#graph.zeros(this.#dims);
  }
}

/** Adds single elements to a tensor. */
export function scatter(graph: StaticGraph, onto: string, { indices, value, axis }: Scattered): string {
  return graph.op('ScatterElements', [onto, indices, value], { axis, reduction: 'add' });
}

export function expandTo(graph: StaticGraph, value: string, dims: readonly number[]): string {
  return sameDims(graph.dims(value), dims) ? value : graph.op('Expand', [value, graph.ints(...dims)]);
}
