import { existsSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { ok, type Result } from '../../../core/result.ts';
import { readDroidTask, UNSEEN_APPS } from '../../datasets/droid-task.ts';
import { readMultipleChoice } from '../../datasets/multiple-choice.ts';
import { readDataFile } from '../../datasets/read-records.ts';
import { readLlamaTouch, readOctopus, type SelectionItem } from '../../datasets/selection-item.ts';
import { spreadIndices } from '../../evaluation/spread.ts';
import { fromDroidTask, fromMultipleChoice, fromSelection, type QuestionItem } from './question-item.ts';

/** Items of one set, and those that may stand as examples in their prompts. */
export interface QuestionSet {
  readonly name: string;
  /** One sentence before the examples. */
  readonly instruction: string;
  readonly items: readonly QuestionItem[];
  readonly pool: readonly QuestionItem[];
}

const INSTRUCTION = {
  question: 'You are an assistant that answers questions with short and correct answers.',
  boolean: 'You are an assistant that answers questions with yes or no.',
  goal: 'You are an assistant that finds the best way to reach a goal.',
  step: 'You are an agent that operates apps on a phone: you name the next element of the screen to tap.',
  app: 'You are an assistant that names the app which is needed for a task.',
  function: 'You are an assistant that chooses the function which does what the user asks.',
} as const;

/** Rows of a file without training split that serve as examples; they are no items then. */
const OWN_EXAMPLES = 12;

/** Takes evenly spread rows out as examples: for sets without a training file. */
function partOwnExamples(all: readonly QuestionItem[]): Pick<QuestionSet, 'items' | 'pool'> {
  const rows = new Set(spreadIndices(all.length, Math.min(OWN_EXAMPLES, Math.floor(all.length / 2))));
  return { pool: all.filter((_, i) => rows.has(i)), items: all.filter((_, i) => !rows.has(i)) };
}

function instructionFor(items: readonly QuestionItem[], name: string): string {
  if (items.every(({ choices }) => choices.join() === 'no,yes')) return INSTRUCTION.boolean;
  return name.startsWith('piqa') ? INSTRUCTION.goal : INSTRUCTION.question;
}

function selectionSet(name: string, instruction: string, items: readonly SelectionItem[]): QuestionSet {
  const names = [...new Set(items.flatMap((item) => item.names))];
  return {
    name,
    instruction: `${instruction} Choices: ${names.join(', ')}.`,
    ...partOwnExamples(items.map(fromSelection)),
  };
}

/** DroidTask by apps: those that are trained on are the examples of both parts. */
function readSteps(path: string, part: 'training' | 'evaluation'): Result<QuestionSet> {
  const steps = readDroidTask(path);
  if (!steps.ok) return steps;
  const of = (unseen: boolean): QuestionItem[] =>
    steps.value.filter(({ app }) => UNSEEN_APPS.includes(app) === unseen).map(fromDroidTask);
  return ok({
    name: 'droidtask',
    instruction: INSTRUCTION.step,
    items: of(part === 'evaluation'),
    pool: of(false),
  });
}

/**
 * A training file: multiple choice of LLM-Adapters' form, or DroidTask, whose unseen apps are left out. Examples
 * come from the file itself, of the slice that recovery trains on.
 */
export function readTrainingSet(path: string): Result<QuestionSet> {
  if (isDroidTask(path)) return readSteps(path, 'training');
  const read = readMultipleChoice(path);
  if (!read.ok) return read;
  const items = read.value.map(fromMultipleChoice);
  const name = basename(path, extname(path));
  const pool = items.filter(({ slice }) => slice === 'training');
  return ok({ name, instruction: instructionFor(items, name), items, pool });
}

function isDroidTask(path: string): boolean {
  if (!path.endsWith('.json')) return false;
  const text = readDataFile(path);
  return text.ok && text.value.trimStart().startsWith('{');
}

/**
 * An evaluation file: multiple choice (.jsonl), DroidTask (.json: its unseen apps), Octopus (.csv), LlamaTouch (.tsv).
 * Examples of a multiple-choice file come from the file of the same name in `multiple-choice-train` beside its folder;
 * where there is none, and for Octopus and LlamaTouch, twelve evenly spread rows of the file itself are taken out.
 */
export function readEvaluationQuestions(path: string): Result<QuestionSet> {
  const extension = extname(path).toLowerCase();
  if (extension === '.csv' || extension === '.tsv') {
    const read = extension === '.csv' ? readOctopus(path) : readLlamaTouch(path);
    if (!read.ok) return read;
    return ok(
      extension === '.csv'
        ? selectionSet('octopus', INSTRUCTION.function, read.value)
        : selectionSet('llamatouch', INSTRUCTION.app, read.value),
    );
  }
  if (isDroidTask(path)) return readSteps(path, 'evaluation');
  const read = readMultipleChoice(path);
  if (!read.ok) return read;
  const all = read.value.map(fromMultipleChoice);
  const name = basename(path, extname(path));
  const instruction = instructionFor(all, name);
  const training = join(dirname(path), '..', 'multiple-choice-train', `${name}.json`);
  if (!existsSync(training)) return ok({ name, instruction, ...partOwnExamples(all) });
  const pool = readTrainingSet(training);
  return pool.ok ? ok({ name, instruction, items: all, pool: pool.value.pool }) : pool;
}
