import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fail, ok, type Result } from '../../core/result.ts';
import { readDroidTask } from '../datasets/droid-task.ts';
import { readMultipleChoice } from '../datasets/multiple-choice.ts';
import { readTextDocuments } from '../datasets/text-documents.ts';
import {
  questionPart,
  textPart,
  type EvaluationSet,
  type PartOrigin,
  type QuestionPart,
  type TextPart,
} from './evaluation-set.ts';
import type { ModelText } from './model-text.ts';
import { spread } from './spread.ts';
import { textWindows } from './text-windows.ts';

/** A file to measure on; `name` is its key in the figures. */
export interface EvaluationFile {
  readonly name: string;
  readonly path: string;
}

export interface EvaluationFiles {
  readonly texts?: readonly EvaluationFile[];
  readonly multipleChoice?: readonly EvaluationFile[];
  readonly droidTask?: readonly EvaluationFile[];
  /** DroidTask: only these apps; default all. */
  readonly apps?: readonly string[] | undefined;
}

/** How much of each file is used; 0 = all of it. */
export interface EvaluationLimits {
  /** Tokens of a window; never more than the model takes. */
  readonly windowTokens: number;
  /** Windows of each text. */
  readonly windows: number;
  /** Items of each multiple-choice file and steps of each DroidTask file. */
  readonly items: number;
}

export const DEFAULT_LIMITS: EvaluationLimits = { windowTokens: 512, windows: 8, items: 200 };

function origin({ name, path }: EvaluationFile, sampling: string): PartOrigin {
  return { name, sha256: createHash('sha256').update(readFileSync(path)).digest('hex'), sampling };
}

function sampled(kind: string, used: number, total: number): string {
  return used === total ? `all ${total} ${kind}` : `${used} of ${total} ${kind}, evenly spread in file order`;
}

function readText(file: EvaluationFile, text: ModelText, limits: EvaluationLimits): Result<TextPart> {
  const documents = readTextDocuments(file.path);
  if (!documents.ok) return documents;
  const windowTokens = Math.min(limits.windowTokens, text.contextLength);
  const windows = textWindows(documents.value, text, { ...limits, windowTokens });
  if (windows.length === 0)
    return fail('data-empty', `${file.path} is too short to measure.`, 'Name a longer text.');
  const running = documents.value.length === 1 && documents.value[0]?.prompt === null;
  const sampling = running
    ? `${windows.length} windows of at most ${windowTokens} tokens, evenly spread`
    : `${sampled('documents', windows.length, documents.value.length)}, each cut at ${windowTokens} tokens`;
  return ok(textPart(origin(file, sampling), windows));
}

function readChoices(file: EvaluationFile, text: ModelText, limits: EvaluationLimits): Result<QuestionPart> {
  const all = readMultipleChoice(file.path);
  if (!all.ok) return all;
  const items = spread(all.value, limits.items).map((item) => ({ item, app: null }));
  const sampling = sampled('items', items.length, all.value.length);
  return ok(questionPart(origin(file, sampling), 'multiple-choice', items, text));
}

function readSteps(
  file: EvaluationFile,
  apps: readonly string[] | undefined,
  text: ModelText,
  limits: EvaluationLimits,
): Result<QuestionPart> {
  const steps = readDroidTask(file.path);
  if (!steps.ok) return steps;
  const known = new Set(steps.value.map(({ app }) => app));
  const unknown = (apps ?? []).filter((app) => !known.has(app));
  if (unknown.length > 0)
    return fail(
      'app-unknown',
      `${file.path} has no steps of ${unknown.join(', ')}.`,
      `It has ${[...known].join(', ')}.`,
    );
  const chosen = steps.value.filter(({ app }) => apps === undefined || apps.includes(app));
  const items = spread(chosen, limits.items);
  const sampling = sampled('steps', items.length, chosen.length);
  return ok(questionPart(origin(file, sampling), 'ui-steps', items, text));
}

/**
 * Reads and encodes every file. Failures: those of the readers (each names file and place), `data-empty` for
 * a text too short to measure, `app-unknown`.
 */
export function readEvaluationSet(
  files: EvaluationFiles,
  text: ModelText,
  limits: EvaluationLimits,
): Result<EvaluationSet> {
  const texts: TextPart[] = [];
  const questions: QuestionPart[] = [];
  for (const file of files.texts ?? []) {
    const part = readText(file, text, limits);
    if (!part.ok) return part;
    texts.push(part.value);
  }
  const questionFiles = [
    ...(files.multipleChoice ?? []).map((file) => () => readChoices(file, text, limits)),
    ...(files.droidTask ?? []).map((file) => () => readSteps(file, files.apps, text, limits)),
  ];
  for (const read of questionFiles) {
    const part = read();
    if (!part.ok) return part;
    questions.push(part.value);
  }
  return ok({ texts, questions });
}
