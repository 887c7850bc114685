import { ShellSyntaxError, type Word, type WordPart } from './syntax.ts';
import { readDollar, readBackquotes } from './lexer-expansions.ts';

export type Token =
  | {
      readonly kind: 'word';
      readonly word: Word;
      /** The text of a word without quotes and expansions, for reserved words; else undefined. */
      readonly literal: string | undefined;
    }
  | { readonly kind: 'operator'; readonly text: string }
  | {
      readonly kind: 'redirect';
      readonly fd: 0 | 1 | 2 | 'both';
      readonly operator: '<' | '>' | '>>' | '>&' | '<<<';
    }
  | { readonly kind: 'newline' }
  | { readonly kind: 'end' };

const OPERATORS = ['&&', '||', ';;', ';', '&', '|', '(', ')'] as const;
const WORD_END = /[\s;&|<>()]/;

/** Where the lexer stands in the source; shared with the readers of `$` forms. */
export interface Cursor {
  readonly source: string;
  at: number;
}

/** Cuts a script into tokens. @throws ShellSyntaxError for an open quote or substitution. */
export function tokenize(source: string): Token[] {
  const cursor: Cursor = { source: source.replaceAll('\r\n', '\n'), at: 0 };
  const tokens: Token[] = [];
  for (;;) {
    skipBlanks(cursor);
    const char = cursor.source[cursor.at];
    if (char === undefined) break;
    if (char === '\n') {
      cursor.at += 1;
      tokens.push({ kind: 'newline' });
      continue;
    }
    tokens.push(readRedirect(cursor) ?? readOperator(cursor) ?? readWordToken(cursor));
  }
  tokens.push({ kind: 'end' });
  return tokens;
}

function skipBlanks(cursor: Cursor): void {
  for (;;) {
    const char = cursor.source[cursor.at];
    if (char === ' ' || char === '\t') cursor.at += 1;
    else if (char === '\\' && cursor.source[cursor.at + 1] === '\n') cursor.at += 2;
    else if (char === '#')
      while (cursor.at < cursor.source.length && cursor.source[cursor.at] !== '\n') cursor.at += 1;
    else return;
  }
}

const REDIRECT = /^(?:(?<both>&>)|(?<fd>[0-2])?(?<operator><<<|>>|>&|>\||<&|<|>))/;

function readRedirect(cursor: Cursor): Token | undefined {
  const match = REDIRECT.exec(cursor.source.slice(cursor.at, cursor.at + 5));
  if (match === null) return undefined;
  if (cursor.source.startsWith('<<', cursor.at) && match.groups?.['operator'] !== '<<<')
    throw new ShellSyntaxError("here documents ('<<') are not supported", false);
  cursor.at += match[0].length;
  if (match.groups?.['both'] !== undefined) return { kind: 'redirect', fd: 'both', operator: '>' };
  const text = match.groups?.['operator'];
  const operator =
    text === '<<<' || text === '>>' || text === '>&' || text === '<' ? text : text === '<&' ? '>&' : '>';
  const fdText = match.groups?.['fd'];
  const reads = text === '<' || text === '<<<' || text === '<&';
  const fd = fdText === '0' ? 0 : fdText === '1' ? 1 : fdText === '2' ? 2 : reads ? 0 : 1;
  return { kind: 'redirect', fd, operator };
}

function readOperator(cursor: Cursor): Token | undefined {
  const text = OPERATORS.find((operator) => cursor.source.startsWith(operator, cursor.at));
  if (text === undefined) return undefined;
  cursor.at += text.length;
  return { kind: 'operator', text };
}

function readWordToken(cursor: Cursor): Token {
  const word = readWord(cursor, (char) => WORD_END.test(char));
  const literal = word.every((part) => part.kind === 'text' && !part.quoted)
    ? word.map((part) => (part.kind === 'text' ? part.text : '')).join('')
    : undefined;
  return { kind: 'word', word, literal };
}

/** Reads a word up to the first unquoted character for which `ends` holds, or the end of the source. */
export function readWord(cursor: Cursor, ends: (char: string) => boolean): Word {
  const parts: WordPart[] = [];
  let text = '';
  const flush = (): void => {
    if (text !== '') parts.push({ kind: 'text', text, quoted: false });
    text = '';
  };
  for (;;) {
    const char = cursor.source[cursor.at];
    if (char === undefined || ends(char)) break;
    if (char === "'" || char === '"' || char === '$' || char === '`' || char === '\\') flush();
    if (char === "'") parts.push(readSingleQuotes(cursor));
    else if (char === '"') parts.push(...readDoubleQuotes(cursor));
    else if (char === '$') parts.push(readDollar(cursor, false));
    else if (char === '`') parts.push(readBackquotes(cursor, false));
    else if (char === '\\') {
      const next = cursor.source[cursor.at + 1];
      cursor.at += 2;
      if (next !== '\n') parts.push({ kind: 'text', text: next ?? '\\', quoted: true });
    } else {
      text += char;
      cursor.at += 1;
    }
  }
  flush();
  return parts;
}

function readSingleQuotes(cursor: Cursor): WordPart {
  const end = cursor.source.indexOf("'", cursor.at + 1);
  if (end < 0) throw new ShellSyntaxError('no closing quote', true);
  const text = cursor.source.slice(cursor.at + 1, end);
  cursor.at = end + 1;
  return { kind: 'text', text, quoted: true };
}

function readDoubleQuotes(cursor: Cursor): WordPart[] {
  cursor.at += 1;
  const parts: WordPart[] = [];
  let text = '';
  const flush = (): void => {
    if (text !== '') parts.push({ kind: 'text', text, quoted: true });
    text = '';
  };
  for (;;) {
    const char = cursor.source[cursor.at];
    if (char === undefined) throw new ShellSyntaxError('no closing quote', true);
    if (char === '"') break;
    if (char === '$' || char === '`') {
      flush();
      parts.push(char === '$' ? readDollar(cursor, true) : readBackquotes(cursor, true));
    } else if (char === '\\') {
      const next = cursor.source[cursor.at + 1] ?? '';
      if (next !== '\n') text += '$`"\\'.includes(next) ? next : `\\${next}`;
      cursor.at += 2;
    } else {
      text += char;
      cursor.at += 1;
    }
  }
  flush();
  cursor.at += 1;
  // `""` is a word of its own although it is empty.
  return parts.length === 0 ? [{ kind: 'text', text: '', quoted: true }] : parts;
}
