import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ok, type Result } from '../../core/result.ts';
import { readDroidTask, UNSEEN_APPS } from '../datasets/droid-task.ts';
import { continuation } from '../datasets/multiple-choice-prompt.ts';
import { readTextDocuments, type TextDocument } from '../datasets/text-documents.ts';

/** A text that the built-in model is trained on. */
export interface LicensedText {
  /** Inside of the data folder. */
  readonly file: string;
  readonly title: string;
  readonly origin: string;
  readonly licence: 'MIT' | 'Apache-2.0';
}

/** Texts whose licence lets a model made from them be passed on under Apache-2.0; share-alike sets are left out. */
export const LICENSED_TEXTS: readonly LicensedText[] = [
  {
    file: 'instruct/gpteacher-roleplay.json',
    title: 'GPTeacher roleplay',
    origin: 'github.com/teknium1/GPTeacher',
    licence: 'MIT',
  },
  {
    file: 'instruct/gpteacher-toolformer.json',
    title: 'GPTeacher toolformer',
    origin: 'github.com/teknium1/GPTeacher',
    licence: 'MIT',
  },
  {
    file: 'instruct/gsm8k-train.jsonl',
    title: 'GSM8K, training split',
    origin: 'github.com/openai/grade-school-math',
    licence: 'MIT',
  },
  {
    file: 'instruct/self-instruct-seed_tasks.jsonl',
    title: 'Self-Instruct, seed tasks',
    origin: 'github.com/yizhongw/self-instruct',
    licence: 'Apache-2.0',
  },
  {
    file: 'instruct/self-instruct-user_oriented_instructions.jsonl',
    title: 'Self-Instruct, user-oriented instructions',
    origin: 'github.com/yizhongw/self-instruct',
    licence: 'Apache-2.0',
  },
  {
    file: 'droidtask/tasks.json',
    title: `DroidTask without the apps ${UNSEEN_APPS.join(' and ')}`,
    origin: 'github.com/MobileLLM/AutoDroid',
    licence: 'MIT',
  },
];

function readText(path: string): Result<TextDocument[]> {
  if (!path.includes('droidtask')) return readTextDocuments(path);
  const steps = readDroidTask(path);
  if (!steps.ok) return steps;
  return ok(
    steps.value
      .filter(({ app }) => !UNSEEN_APPS.includes(app))
      .map(({ item }) => ({
        prompt: null,
        text: `${item.context}${continuation(item.choices[item.gold] ?? '')}`,
      })),
  );
}

/** A talk as ChatML, as the model's chat template writes it; running text ends like a document. */
export function asChatMl({ prompt, text }: TextDocument): string {
  return prompt === null
    ? `${text}<|endoftext|>`
    : `<|im_start|>user\n${prompt}<|im_end|>\n<|im_start|>assistant\n${text.trim()}<|im_end|>\n`;
}

/** All documents of the licensed texts, and one SHA-256 over the files. Failures: those of the readers. */
export function readLicensedTexts(dataFolder: string): Result<{ documents: string[]; sha256: string }> {
  const hash = createHash('sha256');
  const documents: string[] = [];
  for (const { file } of LICENSED_TEXTS) {
    const path = join(dataFolder, file);
    const read = readText(path);
    if (!read.ok) return read;
    hash.update(readFileSync(path));
    documents.push(...read.value.map(asChatMl));
  }
  return ok({ documents, sha256: hash.digest('hex') });
}
