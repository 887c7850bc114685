import { evaluateArithmetic } from './arithmetic.ts';
import {
  expandGlob,
  isPattern,
  literalPattern,
  patternSource,
  patternText,
  type GlobFolder,
} from './glob.ts';
import { ShellError, type ShellState } from './shell-state.ts';
import type { Word, WordPart } from './syntax.ts';

export interface Expander {
  readonly state: ShellState;
  readonly folder: GlobFolder;
  /** Output of a command substitution. */
  readonly substitute: (source: string) => Promise<string>;
}

/** A piece of an expanded word: unquoted results of expansions are split at blanks. */
interface Piece {
  readonly text: string;
  readonly quoted: boolean;
  readonly splits: boolean;
  /** Ends the field before the next piece (`"$@"`). */
  readonly breaks?: boolean;
}

/** Fields of words: expansion, field splitting, file name matching, quote removal. */
export async function expandWords(words: readonly Word[], expander: Expander): Promise<string[]> {
  const fields: string[] = [];
  for (const word of words) {
    for (const pattern of splitFields(await pieces(word, expander))) {
      const paths = isPattern(pattern) ? expandGlob(pattern, expander.state.cwd, expander.folder) : [];
      if (paths.length > 0) fields.push(...paths);
      else fields.push(patternText(pattern));
    }
  }
  return fields;
}

/** One word as one string (assignments, redirects, `case`): neither split nor matched against files. */
export async function expandText(word: Word, expander: Expander): Promise<string> {
  return (await pieces(word, expander)).map((piece) => piece.text).join('');
}

/** One word as a pattern, in which quoted characters are literal. */
export async function expandPattern(word: Word, expander: Expander): Promise<string> {
  return (await pieces(word, expander))
    .map((piece) => (piece.quoted ? literalPattern(piece.text) : piece.text))
    .join('');
}

function splitFields(parts: readonly Piece[]): string[] {
  const fields: string[] = [];
  let current: string | undefined;
  const finish = (): void => {
    if (current !== undefined) fields.push(current);
    current = undefined;
  };
  for (const piece of parts) {
    if (!piece.splits) {
      current = (current ?? '') + (piece.quoted ? literalPattern(piece.text) : piece.text);
    } else {
      if (/^[ \t\n]/.test(piece.text)) finish();
      const texts = piece.text.split(/[ \t\n]+/).filter((text) => text !== '');
      for (const [index, text] of texts.entries()) {
        if (index > 0) finish();
        current = (current ?? '') + text;
      }
      if (/[ \t\n]$/.test(piece.text)) finish();
    }
    if (piece.breaks === true) finish();
  }
  finish();
  return fields;
}

async function pieces(word: Word, expander: Expander): Promise<Piece[]> {
  const all: Piece[] = [];
  for (const [index, part] of word.entries())
    all.push(...(await partPieces(part, index === 0, word.length, expander)));
  return all;
}

async function partPieces(
  part: WordPart,
  isFirst: boolean,
  count: number,
  expander: Expander,
): Promise<Piece[]> {
  switch (part.kind) {
    case 'text': {
      const isHome =
        isFirst && !part.quoted && /^~(?=\/|$)/.test(part.text) && (count === 1 || part.text.includes('/'));
      const home = expander.state.variables.get('HOME') ?? '/';
      const text = isHome
        ? part.text.replace('~', home === '/' && part.text.length > 1 ? '' : home)
        : part.text;
      return [{ text, quoted: part.quoted, splits: false }];
    }
    case 'command': {
      const text = (await expander.substitute(part.source)).replace(/\n+$/, '');
      return [{ text, quoted: part.quoted, splits: !part.quoted }];
    }
    case 'arithmetic': {
      const source = await expandText(part.source, expander);
      const value = evaluateArithmetic(source, (name) => expander.state.variables.get(name));
      return [{ text: String(value), quoted: true, splits: false }];
    }
    case 'parameter':
      return parameterPieces(part, expander);
  }
}

type ParameterPart = Extract<WordPart, { kind: 'parameter' }>;

async function parameterPieces(part: ParameterPart, expander: Expander): Promise<Piece[]> {
  const { state } = expander;
  if (part.name === '@' && part.quoted && part.operator === '')
    return state.positional.map((text, index) => ({
      text,
      quoted: true,
      splits: false,
      breaks: index < state.positional.length - 1,
    }));
  const value = parameterValue(part.name, state);
  const result = (text: string): Piece[] => [{ text, quoted: part.quoted, splits: !part.quoted }];
  const colon = part.operator.startsWith(':');
  const isMissing = value === undefined || (colon && value === '');
  const operand = (): Promise<Piece[]> => pieces(part.operand, expander);
  switch (part.operator.replace(':', '')) {
    case '#length':
      return result(String([...(value ?? '')].length));
    case '-':
      return isMissing ? quotedAs(await operand(), part.quoted) : result(value);
    case '+':
      return isMissing ? result('') : quotedAs(await operand(), part.quoted);
    case '=': {
      if (!isMissing) return result(value);
      const text = await expandText(part.operand, expander);
      state.variables.set(part.name, text);
      return result(text);
    }
    case '?':
      if (isMissing)
        throw new ShellError(
          `${part.name}: ${(await expandText(part.operand, expander)) || 'parameter null or not set'}`,
        );
      return result(value);
    case '#':
    case '##':
    case '%':
    case '%%':
      return result(trimmed(value ?? '', part.operator, await expandPattern(part.operand, expander)));
    default:
      return result(value ?? '');
  }
}

function quotedAs(parts: readonly Piece[], quoted: boolean): Piece[] {
  if (quoted && parts.length === 0) return [{ text: '', quoted, splits: false }];
  return parts.map((piece) => ({
    ...piece,
    quoted: piece.quoted || quoted,
    splits: !quoted && !piece.quoted,
  }));
}

function trimmed(value: string, operator: string, pattern: string): string {
  const lazy = operator.length === 1;
  if (operator.startsWith('#')) return value.replace(new RegExp(`^${patternSource(pattern, { lazy })}`), '');
  // The shortest suffix starts as late as possible, the longest as early: try starts in that order.
  const starts = Array.from({ length: value.length + 1 }, (_, index) => index);
  if (lazy) starts.reverse();
  const whole = new RegExp(`^${patternSource(pattern)}$`);
  const start = starts.find((index) => whole.test(value.slice(index)));
  return start === undefined ? value : value.slice(0, start);
}

function parameterValue(name: string, state: ShellState): string | undefined {
  switch (name) {
    case '?':
      return String(state.lastStatus);
    case '$':
      return String(state.pid);
    case '!':
      return state.lastJobPid === undefined ? '' : String(state.lastJobPid);
    case '#':
      return String(state.positional.length);
    case '@':
    case '*':
      return state.positional.join(' ');
    case '-':
      return '';
    case '0':
      return state.name;
    default:
      return /^\d/.test(name) ? state.positional[Number(name) - 1] : state.variables.get(name);
  }
}
