import type { Level } from '../../core/level.ts';
import { adamWState, type AdamWState } from '../training/adamw.ts';
import type { Checkpoint } from './checkpoint.ts';

/** Parameters and what the optimizer knows of them. */
export interface Trained {
  readonly parameters: Float32Array;
  readonly optimizer: AdamWState;
}

function start(parameters: Float32Array): Trained {
  return { parameters: parameters.slice(), optimizer: adamWState(parameters.length) };
}

/** A joint training between two steps. */
export class JointState {
  step = 0;
  readonly shared: Trained;
  /** In the order of the levels. */
  readonly levels: readonly Trained[];
  readonly #names: readonly string[];

  private constructor(shared: Trained, levels: readonly Trained[], names: readonly string[]) {
    this.shared = shared;
    this.levels = levels;
    this.#names = names;
  }

  static start(
    shared: Float32Array,
    levels: readonly { readonly level: Level; readonly start: Float32Array }[],
  ): JointState {
    return new JointState(
      start(shared),
      levels.map((each) => start(each.start)),
      levels.map(({ level }) => `level ${level}`),
    );
  }

  checkpoint(): Checkpoint {
    const numbers: Record<string, number> = { step: this.step };
    const arrays: Record<string, Float32Array> = {};
    for (const [name, { parameters, optimizer }] of this.#parts()) {
      numbers[`${name} steps`] = optimizer.step;
      arrays[`${name} parameters`] = parameters;
      arrays[`${name} first`] = optimizer.first;
      arrays[`${name} second`] = optimizer.second;
    }
    return { numbers, arrays };
  }

  /** @throws RangeError where the checkpoint is not of such a state */
  restore({ numbers, arrays }: Checkpoint): void {
    const number = (name: string): number => numbers[name] ?? lacking(name);
    this.step = number('step');
    for (const [name, { parameters, optimizer }] of this.#parts()) {
      optimizer.step = number(`${name} steps`);
      for (const [kind, into] of [
        ['parameters', parameters],
        ['first', optimizer.first],
        ['second', optimizer.second],
      ] as const)
        into.set(arrays[`${name} ${kind}`] ?? lacking(`${name} ${kind}`));
    }
  }

  #parts(): (readonly [string, Trained])[] {
    return [
      ['shared', this.shared],
      ...this.#names.map((name, i) => [name, this.levels[i] as Trained] as const),
    ];
  }
}

function lacking(name: string): never {
  throw new RangeError(`a checkpoint without ${name}`);
}
