import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, ok, type Result } from '../../core/result.ts';
import { OWN_TEXT } from '../importance/own-text.ts';
import { readDroidTask, UNSEEN_APPS, type DroidTaskStep } from './droid-task.ts';
import type { MultipleChoiceItem } from './multiple-choice-prompt.ts';
import { readMultipleChoice } from './multiple-choice.ts';
import { SLICES, sliceByHash, sliceProse, type Slice } from './slices.ts';
import { readDataFile } from './read-records.ts';
import { readTextDocuments } from './text-documents.ts';

export const DOMAINS = ['prose', 'instructions', 'multiple-choice', 'ui-steps'] as const;
export type Domain = (typeof DOMAINS)[number];

export type CorpusDocument =
  | { readonly kind: 'prose'; readonly text: string }
  | { readonly kind: 'chat'; readonly prompt: string; readonly text: string }
  | { readonly kind: 'item'; readonly item: MultipleChoiceItem };

/** One file of the corpus, cut into slices. */
export interface CorpusSource {
  readonly name: string;
  readonly domain: Domain;
  /** Share of the domain's tokens in a training mix. */
  readonly share: number;
  readonly slices: Readonly<Record<Slice, readonly CorpusDocument[]>>;
}

export interface Corpus {
  readonly sources: readonly CorpusSource[];
  /** Files read, for recipes. */
  readonly files: readonly { readonly name: string; readonly sha256: string }[];
  /** Over names and hashes of all files. */
  readonly sha256: string;
}

interface SourceFile {
  readonly name: string;
  readonly domain: Domain;
  readonly file: string;
  readonly share: number;
}

/** Training material in the data folder. The evaluation folders are not here, and must never be. */
const FILES: readonly SourceFile[] = [
  { name: 'WikiText-2 validation', domain: 'prose', file: 'wikitext-2/valid.txt', share: 1 },
  {
    name: 'GPTeacher roleplay',
    domain: 'instructions',
    file: 'instruct/gpteacher-roleplay.json',
    share: 0.3,
  },
  {
    name: 'GPTeacher toolformer',
    domain: 'instructions',
    file: 'instruct/gpteacher-toolformer.json',
    share: 0.15,
  },
  { name: 'Dolly', domain: 'instructions', file: 'instruct/dolly-hhrlhf-small.jsonl', share: 0.2 },
  { name: 'GSM8K', domain: 'instructions', file: 'instruct/gsm8k-train.jsonl', share: 0.25 },
  {
    name: 'self-instruct seeds',
    domain: 'instructions',
    file: 'instruct/self-instruct-seed_tasks.jsonl',
    share: 0.05,
  },
  {
    name: 'self-instruct user-oriented',
    domain: 'instructions',
    file: 'instruct/self-instruct-user_oriented_instructions.jsonl',
    share: 0.05,
  },
  { name: 'ARC-Easy', domain: 'multiple-choice', file: 'multiple-choice-train/arc_easy.json', share: 0.35 },
  {
    name: 'ARC-Challenge',
    domain: 'multiple-choice',
    file: 'multiple-choice-train/arc_challenge.json',
    share: 0.2,
  },
  {
    name: 'OpenBookQA',
    domain: 'multiple-choice',
    file: 'multiple-choice-train/openbook_qa.json',
    share: 0.3,
  },
  { name: 'BoolQ', domain: 'multiple-choice', file: 'multiple-choice-train/boolq.json', share: 0.15 },
  { name: 'DroidTask', domain: 'ui-steps', file: 'droidtask/tasks.json', share: 1 },
];

/** Slice of a question by what it asks, without the words that every prompt has. */
export function sliceOfItem({ context }: Pick<MultipleChoiceItem, 'context'>): Slice {
  return sliceByHash(context.replace(/^Question:|\nAnswer:$/g, ''));
}

/** What is held out of UI steps are whole apps; all steps of a task lie in one slice. */
export function sliceOfStep({ app, task }: Pick<DroidTaskStep, 'app' | 'task'>): Slice {
  if (UNSEEN_APPS.includes(app)) return 'heldOut';
  return sliceByHash(task) === 'selection' ? 'selection' : 'training';
}

type Slices = Record<Slice, CorpusDocument[]>;
const noDocuments = (): Slices => ({ training: [], selection: [], heldOut: [] });

function proseSlices(text: string): Slices {
  const slices = noDocuments();
  const cut = sliceProse(text);
  for (const slice of SLICES) slices[slice] = cut[slice].map((piece) => ({ kind: 'prose', text: piece }));
  return slices;
}

function readSlices(domain: Domain, path: string): Result<Slices> {
  const slices = noDocuments();
  if (domain === 'prose') {
    const text = readDataFile(path);
    return text.ok ? ok(proseSlices(text.value)) : text;
  }
  if (domain === 'instructions') {
    const documents = readTextDocuments(path);
    if (!documents.ok) return documents;
    for (const { prompt, text } of documents.value)
      if (prompt !== null) slices[sliceByHash(prompt)].push({ kind: 'chat', prompt, text });
  } else if (domain === 'multiple-choice') {
    const items = readMultipleChoice(path);
    if (!items.ok) return items;
    for (const item of items.value) slices[sliceOfItem(item)].push({ kind: 'item', item });
  } else {
    const steps = readDroidTask(path);
    if (!steps.ok) return steps;
    for (const step of steps.value) slices[sliceOfStep(step)].push({ kind: 'item', item: step.item });
  }
  return ok(slices);
}

const hashOf = (content: Buffer | string): string => createHash('sha256').update(content).digest('hex');

/**
 * Training material of `dataFolder`, cut into slices. Files that are not there are left out; where there is no prose
 * (or no folder), the few pages that come with Bungee stand in, and their name says so. Failures: those of the
 * readers, for a file that is there but cannot be understood.
 */
export function openCorpus(dataFolder: string | null): Result<Corpus> {
  const sources: CorpusSource[] = [];
  const files: { name: string; sha256: string }[] = [];
  if (dataFolder !== null && !existsSync(dataFolder))
    return fail('data-unreadable', `${dataFolder} does not exist.`, 'Check the data folder.');
  for (const { name, domain, file, share } of FILES) {
    const path = dataFolder === null ? null : join(dataFolder, file);
    if (path === null || !existsSync(path)) continue;
    const slices = readSlices(domain, path);
    if (!slices.ok) return slices;
    sources.push({ name, domain, share, slices: slices.value });
    files.push({ name: file, sha256: hashOf(readFileSync(path)) });
  }
  if (!sources.some(({ domain }) => domain === 'prose')) {
    sources.unshift({ name: "Bungee's own text", domain: 'prose', share: 1, slices: proseSlices(OWN_TEXT) });
    files.unshift({ name: 'own text', sha256: hashOf(OWN_TEXT) });
  }
  const sha256 = hashOf(files.map((entry) => `${entry.sha256}  ${entry.name}\n`).join(''));
  return ok({ sources, files, sha256 });
}
