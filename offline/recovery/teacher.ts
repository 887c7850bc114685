import { join } from 'node:path';
import { ForwardModel } from '../training/forward-model.ts';
import { fullShape } from '../training/layer-shape.ts';
import type { TrainingWeights } from '../training/training-weights.ts';
import type { LabelledWindow, Objective } from './objective.ts';
import { runHash } from './run-identity.ts';
import { askTeacher, TeacherCache, type TeacherWindow } from './teacher-cache.ts';

/** Teacher tokens per position: more changes the loss by less than 1 % (the rest counts as one class). */
const CANDIDATES = 32;

/** Text that levels learn from and are judged by. */
export interface RecoveryText {
  readonly windowTokens: number;
  readonly stream: { readonly sha256: string; readonly window: (index: number) => LabelledWindow };
  /** Windows that decide which parameters are best; not of the stream, not of any evaluation. */
  readonly heldOut: readonly LabelledWindow[];
}

export interface TeacherOptions {
  /** The full model's, as it came. */
  readonly weights: TrainingWeights;
  /** Hash of the base weights and of the order of their units. */
  readonly weightsIdentity: string;
  readonly text: RecoveryText;
  readonly objective: Objective;
  readonly seed: number;
  /** The teacher's words are kept here. */
  readonly workFolder: string;
}

/** Windows of one step, with what the teacher says of them; null under `next-token`. */
export interface TaughtBatch {
  readonly windows: readonly LabelledWindow[];
  readonly teacher: readonly TeacherWindow[] | null;
}

/** The full model, as far as levels learn from it; it reads each window once. */
export class Teacher {
  /** K; 0 where levels learn from the text alone. */
  readonly candidates: number;
  readonly #text: RecoveryText;
  readonly #model: ForwardModel | null;
  readonly #cache: TeacherCache | null;

  private constructor(text: RecoveryText, model: ForwardModel | null, cache: TeacherCache | null) {
    this.candidates = model === null ? 0 : CANDIDATES;
    this.#text = text;
    this.#model = model;
    this.#cache = cache;
  }

  static async open(options: TeacherOptions): Promise<Teacher> {
    const { weights, weightsIdentity, text, objective, seed, workFolder } = options;
    if (objective === 'next-token') return new Teacher(text, null, null);
    const { windowTokens } = text;
    const model = await ForwardModel.open({
      weights,
      layers: fullShape(weights.config),
      adapter: null,
      tokens: windowTokens,
      name: 'teacher',
    });
    const name = runHash(weightsIdentity, text.stream.sha256, windowTokens, CANDIDATES, seed);
    const path = join(workFolder, `teacher-${name}.bin`);
    return new Teacher(text, model, new TeacherCache(model, path, windowTokens, CANDIDATES));
  }

  /** Windows at these places of the stream. */
  async batch(places: readonly number[]): Promise<TaughtBatch> {
    const windows = places.map((place) => this.#text.stream.window(place));
    if (this.#cache === null) return { windows, teacher: null };
    const teacher: TeacherWindow[] = [];
    for (const [i, place] of places.entries())
      teacher.push(await this.#cache.window(place, windows[i] as LabelledWindow));
    return { windows, teacher };
  }

  /** The held-out windows in batches; those that fill no batch are left out. */
  async heldOut(batch: number): Promise<TaughtBatch[]> {
    const { heldOut } = this.#text;
    const batches: TaughtBatch[] = [];
    for (let at = 0; at + batch <= heldOut.length; at += batch) {
      const windows = heldOut.slice(at, at + batch);
      const said: TeacherWindow[] = [];
      if (this.#model !== null)
        for (const window of windows) said.push(await askTeacher(this.#model, window, CANDIDATES));
      batches.push({ windows, teacher: this.#model === null ? null : said });
    }
    return batches;
  }

  async close(): Promise<void> {
    this.#cache?.close();
    await this.#model?.close();
  }
}
