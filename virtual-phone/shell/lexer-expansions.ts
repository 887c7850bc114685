import { readWord, type Cursor } from './lexer.ts';
import { ShellSyntaxError, type WordPart } from './syntax.ts';

const NAME = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-])/;
const BRACED_NAME = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-])/;
const OPERATOR = /^(?::?[-=+?]|##?|%%?)/;

/** Reads `$name`, `${...}`, `$(...)` or `$((...))`; a lone `$` is text. */
export function readDollar(cursor: Cursor, quoted: boolean): WordPart {
  const { source } = cursor;
  if (source.startsWith('$((', cursor.at)) {
    const end = closingParenthesis(source, cursor.at + 2);
    if (source[end + 1] === ')') {
      const inner: Cursor = { source: source.slice(cursor.at + 3, end), at: 0 };
      cursor.at = end + 2;
      return { kind: 'arithmetic', source: readWord(inner, () => false), quoted };
    }
  }
  if (source.startsWith('$(', cursor.at)) {
    const end = closingParenthesis(source, cursor.at + 1);
    const inner = source.slice(cursor.at + 2, end);
    cursor.at = end + 1;
    return { kind: 'command', source: inner, quoted };
  }
  if (source.startsWith('${', cursor.at)) return readBraced(cursor, quoted);
  const name = NAME.exec(source.slice(cursor.at + 1))?.[0];
  cursor.at += 1 + (name?.length ?? 0);
  return name === undefined
    ? { kind: 'text', text: '$', quoted: true }
    : { kind: 'parameter', name, operator: '', operand: [], quoted };
}

function readBraced(cursor: Cursor, quoted: boolean): WordPart {
  const { source } = cursor;
  cursor.at += 2;
  const asksLength =
    source[cursor.at] === '#' && BRACED_NAME.test(source.slice(cursor.at + 1, cursor.at + 2));
  if (asksLength) cursor.at += 1;
  const name = BRACED_NAME.exec(source.slice(cursor.at))?.[0];
  if (name === undefined) throw new ShellSyntaxError('bad substitution', source.indexOf('}', cursor.at) < 0);
  cursor.at += name.length;
  const operator = asksLength ? '' : (OPERATOR.exec(source.slice(cursor.at))?.[0] ?? '');
  cursor.at += operator.length;
  const operand = readWord(cursor, (char) => char === '}');
  if (source[cursor.at] !== '}') throw new ShellSyntaxError('no closing brace', true);
  if (operator === '' && operand.length > 0) throw new ShellSyntaxError('bad substitution', false);
  cursor.at += 1;
  return { kind: 'parameter', name, operator: asksLength ? '#length' : operator, operand, quoted };
}

export function readBackquotes(cursor: Cursor, quoted: boolean): WordPart {
  let text = '';
  for (let at = cursor.at + 1; at < cursor.source.length; at += 1) {
    const char = cursor.source[at] ?? '';
    if (char === '`') {
      cursor.at = at + 1;
      return { kind: 'command', source: text, quoted };
    }
    const next = cursor.source[at + 1] ?? '';
    if (char === '\\' && '$`\\'.includes(next) && next !== '') {
      text += next;
      at += 1;
    } else text += char;
  }
  throw new ShellSyntaxError('no closing backquote', true);
}

/** Index of the parenthesis that closes the one at `open`; quotes inside are skipped. */
function closingParenthesis(source: string, open: number): number {
  let depth = 0;
  for (let at = open; at < source.length; at += 1) {
    const char = source[at];
    if (char === '\\') at += 1;
    else if (char === "'") {
      const end = source.indexOf("'", at + 1);
      if (end < 0) break;
      at = end;
    } else if (char === '"') at = closingQuote(source, at);
    else if (char === '(') depth += 1;
    else if (char === ')') {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  throw new ShellSyntaxError("no closing ')'", true);
}

function closingQuote(source: string, open: number): number {
  for (let at = open + 1; at < source.length; at += 1) {
    if (source[at] === '\\') at += 1;
    else if (source[at] === '"') return at;
    else if (source.startsWith('$(', at)) at = closingParenthesis(source, at + 1);
  }
  throw new ShellSyntaxError('no closing quote', true);
}
