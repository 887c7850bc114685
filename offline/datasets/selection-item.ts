import { fail, ok, type Result } from '../../core/result.ts';
import { readDataFile } from './read-records.ts';

/** A user's wish and the functions (Octopus) or apps (LlamaTouch) of which one is right. */
export interface SelectionItem {
  readonly query: string;
  readonly names: readonly string[];
  /** Index into `names`. */
  readonly gold: number;
}

/** Fields of one CSV line (RFC 4180 quoting, no line breaks inside of fields). */
function csvFields(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  );
}

function rowsOf(text: string): { line: string; at: number }[] {
  return text
    .split(/\r?\n/)
    .map((line, index) => ({ line, at: index + 1 }))
    .filter(({ line }) => line.trim() !== '');
}

/**
 * Octopus (csv): the query, the candidate functions' names, the letter of the right one. Failures:
 * `data-unreadable`, `data-empty`, `invalid-input` naming the line.
 */
export function readOctopus(path: string): Result<SelectionItem[]> {
  const text = readDataFile(path);
  if (!text.ok) return text;
  const items: SelectionItem[] = [];
  for (const { line, at } of rowsOf(text.value)) {
    const fields = csvFields(line).map((field) => field.trim());
    const query = fields[0] ?? '';
    const names = fields.slice(1, -1);
    const gold = (fields.at(-1) ?? '').charCodeAt(0) - 'A'.charCodeAt(0);
    if (query === '' || names.length < 2 || !(gold >= 0 && gold < names.length))
      return fail('invalid-input', `${path} line ${at}: not a query, function names and a letter.`);
    items.push({ query, names, gold });
  }
  return items.length === 0 ? fail('data-empty', `${path} holds no queries.`) : ok(items);
}

/**
 * LlamaTouch (tsv with a header): `description` -> `app`; every task chooses among the apps of the whole file.
 * Failures as of {@link readOctopus}.
 */
export function readLlamaTouch(path: string): Result<SelectionItem[]> {
  const text = readDataFile(path);
  if (!text.ok) return text;
  const [header, ...rows] = rowsOf(text.value);
  const columns = header?.line.split('\t') ?? [];
  const [description, app] = [columns.indexOf('description'), columns.indexOf('app')];
  if (description < 0 || app < 0)
    return fail('invalid-input', `${path} line 1: no columns "description" and "app".`);
  const tasks: { query: string; name: string }[] = [];
  for (const { line, at } of rows) {
    const fields = line.split('\t').map((field) => field.trim());
    const [query, name] = [fields[description] ?? '', fields[app] ?? ''];
    if (query === '' || name === '')
      return fail('invalid-input', `${path} line ${at}: no description or no app.`);
    tasks.push({ query, name });
  }
  const names = [...new Set(tasks.map(({ name }) => name))].sort();
  if (names.length < 2) return fail('data-empty', `${path} holds no tasks of two apps.`);
  return ok(tasks.map(({ query, name }) => ({ query, names, gold: names.indexOf(name) })));
}
