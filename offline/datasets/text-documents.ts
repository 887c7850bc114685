import { z } from 'zod';
import { fail, ok, type Result } from '../../core/result.ts';
import { continuation, evaluationContext } from './multiple-choice-prompt.ts';
import { readDataFile, readRecords } from './read-records.ts';

/** Running text (prompt null), or an answer to a prompt, for the model's chat template. */
export interface TextDocument {
  readonly prompt: string | null;
  readonly text: string;
}

const instance = z.object({ input: z.string().default(''), output: z.string() });
const recordSchema = z.union(
  [
    z.object({ prompt: z.string(), response: z.string() }),
    z.object({ question: z.string(), answer: z.string() }),
    z.object({ query: z.string(), choices: z.array(z.string()).min(1), gold: z.int().min(0) }),
    z.object({ instruction: z.string(), instances: z.array(instance) }),
    z.object({ instruction: z.string(), input: z.string().default(''), output: z.string() }),
    z.object({ text: z.string() }),
  ],
  {
    error:
      'none of {prompt, response}, {question, answer}, {query, choices, gold}, {instruction, instances}, {instruction, input, output}, {text}',
  },
);

/** Alpaca's frame around an instruction, which a chat template takes the place of. */
const FRAME = /^Below is an instruction[^\n]*\n+### Instruction:\n([\s\S]*?)\n+### Response:\s*$/;

function withInput(instruction: string, input: string): string {
  return input.trim() === '' ? instruction.trim() : `${instruction.trim()}\n\n${input.trim()}`;
}

function documentsOf(record: z.infer<typeof recordSchema>): TextDocument[] {
  if ('response' in record)
    return [{ prompt: (FRAME.exec(record.prompt)?.[1] ?? record.prompt).trim(), text: record.response }];
  if ('question' in record) return [{ prompt: record.question, text: record.answer }];
  if ('query' in record) {
    const right = record.choices[record.gold];
    // Not a talk: the evaluation prompt with the right choice, as running text.
    return right === undefined
      ? []
      : [{ prompt: null, text: evaluationContext(record.query) + continuation(right) }];
  }
  if ('instances' in record)
    return record.instances.map(({ input, output }) => ({
      prompt: withInput(record.instruction, input),
      text: output,
    }));
  if ('output' in record)
    return [{ prompt: withInput(record.instruction, record.input), text: record.output }];
  return [{ prompt: null, text: record.text }];
}

/**
 * Documents of a file: `.txt` is one running text; `.jsonl` and `.json` hold records of the public instruction
 * sets (Dolly, GSM8K, self-instruct, GPTeacher, Alpaca), multiple-choice items or `{text}`. Documents without
 * text are left out. Failures: `data-unreadable`, `data-empty`, `invalid-json`, `invalid-input`.
 */
export function readTextDocuments(path: string): Result<TextDocument[]> {
  let documents: TextDocument[];
  if (/\.jsonl?$/i.test(path)) {
    const records = readRecords<z.infer<typeof recordSchema>>(path, recordSchema);
    if (!records.ok) return records;
    documents = records.value.flatMap(({ value }) => documentsOf(value));
  } else {
    const text = readDataFile(path);
    if (!text.ok) return text;
    documents = [{ prompt: null, text: text.value }];
  }
  const filled = documents.filter(({ text }) => text.trim() !== '');
  return filled.length === 0 ? fail('data-empty', `${path} holds no text.`) : ok(filled);
}
