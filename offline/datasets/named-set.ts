import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { downloadFileToCacheDir } from '@huggingface/hub';
import { z } from 'zod';
import { parseWith } from '../../core/parse.ts';
import { fail, FailureError, ok, unwrap, type Result } from '../../core/result.ts';
import { readTextDocuments, type TextDocument } from './text-documents.ts';

/** Sets of the paper that are not in the data folder and are fetched by name. */
export const NAMED_SETS = ['bookcorpus', 'alpaca-cleaned'] as const;
export type NamedSetName = (typeof NAMED_SETS)[number];

export interface NamedSet {
  readonly name: NamedSetName;
  readonly documents: readonly TextDocument[];
  /** The file in the cache. */
  readonly path: string;
  readonly sha256: string;
}

export interface NamedSetOptions {
  /** Where fetched files are kept, and found again without the network. */
  readonly cacheDir: string;
  readonly signal?: AbortSignal;
  /** For a mirror of the hub; tests. */
  readonly fetch?: typeof fetch;
}

const ALPACA = {
  repo: { type: 'dataset', name: 'yahma/alpaca-cleaned' },
  path: 'alpaca_data_cleaned.json',
} as const;

/**
 * BookCorpus is 74 million rows of one sentence, stored as parquet, which no library here reads. The hub's viewer gives
 * rows as JSON, 100 a request: runs of neighbouring sentences, spread over the whole set, are a sample of the books
 * (https://huggingface.co/docs/dataset-viewer/rows).
 */
const BOOKS = {
  dataset: 'SamuelYang/bookcorpus',
  rows: 'https://datasets-server.huggingface.co/rows',
  totalRows: 74_004_228,
  runs: 64,
  runRows: 100,
};
const rowsSchema = z.object({ rows: z.array(z.object({ row: z.object({ text: z.string() }) })).min(1) });

/** Writes a file that is there whole or not at all. */
function writeWhole(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.part`;
  const fd = openSync(temporary, 'w');
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
}

async function fetchBooks(cacheDir: string, fetchNow: typeof fetch, signal?: AbortSignal): Promise<string> {
  const path = join(cacheDir, `bookcorpus-${BOOKS.runs}x${BOOKS.runRows}.jsonl`);
  if (existsSync(path)) return path;
  const lines: string[] = [];
  for (let run = 0; run < BOOKS.runs; run++) {
    signal?.throwIfAborted();
    const query = new URLSearchParams({
      dataset: BOOKS.dataset,
      config: 'default',
      split: 'train',
      offset: String(Math.floor(((BOOKS.totalRows - BOOKS.runRows) * run) / (BOOKS.runs - 1))),
      length: String(BOOKS.runRows),
    });
    const url = `${BOOKS.rows}?${query.toString()}`;
    const response = await fetchNow(url);
    if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
    const { rows } = unwrap(parseWith(rowsSchema, await response.json(), url));
    lines.push(JSON.stringify({ text: rows.map(({ row }) => row.text.trim()).join(' ') }));
  }
  mkdirSync(cacheDir, { recursive: true });
  writeWhole(path, `${lines.join('\n')}\n`);
  return path;
}

/**
 * A set by name from the Hugging Face hub: `alpaca-cleaned` (yahma/alpaca-cleaned, 52k talks, CC BY-NC 4.0) or
 * `bookcorpus` (a sample of 64 runs of 100 sentences; licence unknown). Never part of what the project ships. Failures:
 * `hub-unreachable`, `cancelled`, and those of {@link readTextDocuments}.
 */
export async function loadNamedSet(name: NamedSetName, options: NamedSetOptions): Promise<Result<NamedSet>> {
  const { cacheDir, signal, fetch: given = fetch } = options;
  const fetchNow: typeof fetch = (input, init) => given(input, { ...init, ...(signal ? { signal } : {}) });
  let path: string;
  try {
    path =
      name === 'bookcorpus'
        ? await fetchBooks(cacheDir, fetchNow, signal)
        : await downloadFileToCacheDir({ ...ALPACA, cacheDir, fetch: fetchNow });
  } catch (error) {
    if (signal?.aborted === true) return fail('cancelled', `Fetching ${name} was cancelled.`);
    return fail(
      'hub-unreachable',
      `The data set ${name} could not be fetched from the Hugging Face hub.`,
      'Check the connection, or name files of your own.',
      error instanceof FailureError ? error.message : String(error),
    );
  }
  const documents = readTextDocuments(path);
  if (!documents.ok) return documents;
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
  return ok({ name, documents: documents.value, path, sha256 });
}
