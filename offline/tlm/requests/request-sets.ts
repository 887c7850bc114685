import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom, shuffled } from '../../../core/random.ts';
import { fail, ok, type Result } from '../../../core/result.ts';
import type { Slice } from '../../datasets/slices.ts';
import { chooseExamples } from './choose-examples.ts';
import { exampleText, fewShotPrompt } from './few-shot-prompt.ts';
import type { QuestionItem } from './question-item.ts';
import { readEvaluationQuestions, readTrainingSet, type QuestionSet } from './question-set.ts';
import {
  strategyRequest,
  type PromptForm,
  type RequestText,
  type StrategyRequest,
} from './strategy-request.ts';

export interface RequestOptions {
  /** Requests of each set; 0 = one for every item. */
  readonly perSet: number;
  readonly seed: number;
  /** Only items of these slices (training sets); recovery has seen the answers of `training`. Default: all. */
  readonly slices?: readonly Slice[];
  /** Default: running text, the paper's form, which this model answers better (decision 0062). */
  readonly form?: PromptForm;
  /** Longest prompt, tokens. */
  readonly maxTokens?: number;
}

/** Longest prompt: about four times a short one, and what label runs can afford. */
export const MAX_PROMPT_TOKENS = 512;

/** Longest prompt for a model that takes so many tokens: choices follow it. */
export function longestPrompt(contextLength: number): number {
  return Math.min(MAX_PROMPT_TOKENS, Math.floor(contextLength * 0.8));
}

/** Seed of one item's examples: they do not depend on how many items are asked for. */
function itemSeed(seed: number, index: number): number {
  return Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b);
}

/** Tokens that joining two texts may add at most, in the estimate of a prompt's length. */
const JOIN_TOKENS = 4;

/** @param lengths tokens of each item as an example, filled as they are needed */
function requestOf(
  set: QuestionSet,
  index: number,
  text: RequestText,
  options: RequestOptions,
  lengths: Map<QuestionItem, number>,
): StrategyRequest | null {
  const item = set.items[index] as QuestionItem;
  const { form = 'plain', maxTokens = MAX_PROMPT_TOKENS, seed } = options;
  const build = (examples: readonly QuestionItem[]): StrategyRequest =>
    strategyRequest(
      `${set.name}-${index}`,
      set.name,
      item,
      fewShotPrompt(set.instruction, examples, item),
      form,
      text,
    );
  const lengthOf = (example: QuestionItem): number => {
    const length = lengths.get(example) ?? text.encode(exampleText(example)).length + JOIN_TOKENS;
    lengths.set(example, length);
    return length;
  };
  const without = build([]).prompt.tokens.length + JOIN_TOKENS;
  // Most prompts are far below the limit: only those near it are encoded to see whether they fit.
  const fits = (candidates: readonly QuestionItem[]): boolean =>
    candidates.reduce((sum, example) => sum + lengthOf(example), without) <= maxTokens ||
    build(candidates).prompt.tokens.length <= maxTokens;
  const examples = chooseExamples(item, set.pool, seededRandom(itemSeed(seed, index)), fits);
  return examples.length === 0 ? null : build(examples);
}

/** Requests of a set in a seeded order; items whose prompt would be too long are passed over. */
export function requestsOf(set: QuestionSet, text: RequestText, options: RequestOptions): StrategyRequest[] {
  const { perSet, seed, slices } = options;
  const requests: StrategyRequest[] = [];
  const lengths = new Map<QuestionItem, number>();
  for (const index of shuffled([...set.items.keys()], seededRandom(seed))) {
    if (perSet > 0 && requests.length === perSet) break;
    const slice = set.items[index]?.slice;
    if (slice === undefined || slices?.includes(slice) === false) continue;
    const request = requestOf(set, index, text, options, lengths);
    if (request !== null) requests.push(request);
  }
  return requests;
}

function readSets(
  paths: readonly string[],
  read: (path: string) => Result<QuestionSet>,
  text: RequestText,
  options: RequestOptions,
): Result<StrategyRequest[]> {
  const requests: StrategyRequest[] = [];
  for (const path of paths) {
    const set = read(path);
    if (!set.ok) return set;
    requests.push(...requestsOf(set.value, text, options));
  }
  return requests.length === 0
    ? fail('data-empty', 'No file holds a question whose prompt fits.', 'Name other files.')
    : ok(requests);
}

/** Files that the TLM may be trained on. Evaluation folders are not here, and must never be. */
export function trainingFiles(dataFolder: string): string[] {
  return ['arc_easy', 'arc_challenge', 'openbook_qa', 'boolq']
    .map((name) => join(dataFolder, 'multiple-choice-train', `${name}.json`))
    .concat(join(dataFolder, 'droidtask', 'tasks.json'))
    .filter((path) => existsSync(path));
}

/** Files that strategies are judged on: items, apps and functions that no training has seen. */
export function evaluationFiles(dataFolder: string): string[] {
  const inFolder = (folder: string, extension: string): string[] => {
    const path = join(dataFolder, folder);
    if (!existsSync(path)) return [];
    const names = readdirSync(path).filter((name) => name.endsWith(extension));
    return names.sort().map((name) => join(path, name));
  };
  return [
    ...inFolder('multiple-choice', '.jsonl'),
    ...inFolder('droidtask', '.json'),
    ...inFolder('octopus', '.csv'),
    ...inFolder('llamatouch', '.tsv'),
  ];
}

/** Requests to train on. Failures: those of the readers, `data-empty`. */
export function trainingRequests(
  paths: readonly string[],
  text: RequestText,
  options: RequestOptions,
): Result<StrategyRequest[]> {
  return readSets(paths, readTrainingSet, text, options);
}

/** Requests to judge by. Failures: those of the readers, `data-empty`. */
export function evaluationRequests(
  paths: readonly string[],
  text: RequestText,
  options: RequestOptions,
): Result<StrategyRequest[]> {
  return readSets(paths, readEvaluationQuestions, text, options);
}
