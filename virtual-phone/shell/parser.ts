import { tokenize, type Token } from './lexer.ts';
import {
  ShellSyntaxError,
  type Assignment,
  type ListItem,
  type Node,
  type Redirect,
  type Script,
  type Word,
} from './syntax.ts';

const ASSIGNMENT = /^([A-Za-z_][A-Za-z0-9_]*)=/;
/** Reserved words that end a list where a command would begin. */
const CLOSERS = new Set(['then', 'elif', 'else', 'fi', 'do', 'done', 'esac', '}']);

/** Parses a script of Android's sh (mksh): the subset that `shell/syntax.ts` names. @throws ShellSyntaxError. */
export function parseScript(source: string): Script {
  return new Parser(tokenize(source)).script();
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  script(): Script {
    const items = this.#list();
    if (this.#peek().kind !== 'end') this.#unexpected();
    return items;
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end' };
  }

  #literal(): string | undefined {
    const token = this.#peek();
    return token.kind === 'word' ? token.literal : undefined;
  }

  #isOperator(...texts: readonly string[]): boolean {
    const token = this.#peek();
    return token.kind === 'operator' && texts.includes(token.text);
  }

  #unexpected(): never {
    const token = this.#peek();
    const shown =
      token.kind === 'operator' ? token.text : token.kind === 'word' ? (token.literal ?? 'word') : token.kind;
    throw new ShellSyntaxError(`syntax error: unexpected '${shown}'`, token.kind === 'end');
  }

  #skipNewlines(): void {
    while (this.#peek().kind === 'newline') this.#at += 1;
  }

  #expectWord(text: string): void {
    if (this.#literal() !== text) this.#unexpected();
    this.#at += 1;
  }

  #expectOperator(text: string): void {
    if (!this.#isOperator(text)) this.#unexpected();
    this.#at += 1;
  }

  #list(): ListItem[] {
    const items: ListItem[] = [];
    for (;;) {
      this.#skipNewlines();
      const token = this.#peek();
      if (token.kind === 'end' || this.#isOperator(')', ';;') || CLOSERS.has(this.#literal() ?? ''))
        return items;
      const node = this.#andOr();
      const background = this.#isOperator('&');
      items.push({ node, background });
      if (background || this.#isOperator(';')) this.#at += 1;
      else if (this.#peek().kind !== 'newline') return items;
    }
  }

  #body(): Script {
    const items = this.#list();
    if (items.length === 0) this.#unexpected();
    return items;
  }

  #andOr(): Node {
    const first = this.#pipeline();
    const rest: { operator: '&&' | '||'; node: Node }[] = [];
    while (this.#isOperator('&&', '||')) {
      const operator = this.#isOperator('&&') ? '&&' : '||';
      this.#at += 1;
      this.#skipNewlines();
      rest.push({ operator, node: this.#pipeline() });
    }
    return rest.length === 0 ? first : { kind: 'and-or', first, rest };
  }

  #pipeline(): Node {
    let negated = false;
    while (this.#literal() === '!') {
      negated = !negated;
      this.#at += 1;
    }
    const commands = [this.#command()];
    while (this.#isOperator('|')) {
      this.#at += 1;
      this.#skipNewlines();
      commands.push(this.#command());
    }
    const [only] = commands;
    return commands.length === 1 && only !== undefined && !negated
      ? only
      : { kind: 'pipeline', negated, commands };
  }

  #command(): Node {
    if (this.#isOperator('(')) {
      this.#at += 1;
      const body = this.#body();
      this.#expectOperator(')');
      return { kind: 'subshell', body, redirects: this.#redirects() };
    }
    switch (this.#literal()) {
      case '{': {
        this.#at += 1;
        const body = this.#body();
        this.#expectWord('}');
        return { kind: 'group', body, redirects: this.#redirects() };
      }
      case 'if':
        return this.#if();
      case 'for':
        return this.#for();
      case 'while':
      case 'until':
        return this.#while();
      case 'case':
        return this.#case();
      default:
        return this.#simple();
    }
  }

  #if(): Node {
    const clauses: { condition: Script; body: Script }[] = [];
    let otherwise: Script | undefined;
    do {
      this.#at += 1;
      const condition = this.#body();
      this.#expectWord('then');
      clauses.push({ condition, body: this.#body() });
    } while (this.#literal() === 'elif');
    if (this.#literal() === 'else') {
      this.#at += 1;
      otherwise = this.#body();
    }
    this.#expectWord('fi');
    return { kind: 'if', clauses, otherwise, redirects: this.#redirects() };
  }

  #for(): Node {
    this.#at += 1;
    const name = this.#literal();
    if (name === undefined || !/^[A-Za-z_]\w*$/.test(name)) this.#unexpected();
    this.#at += 1;
    this.#skipNewlines();
    let words: Word[] | undefined;
    if (this.#literal() === 'in') {
      this.#at += 1;
      words = [];
      for (let token = this.#peek(); token.kind === 'word'; token = this.#peek()) {
        words.push(token.word);
        this.#at += 1;
      }
    }
    if (this.#isOperator(';')) this.#at += 1;
    this.#skipNewlines();
    return { kind: 'for', name, words, body: this.#doBody(), redirects: this.#redirects() };
  }

  #while(): Node {
    const until = this.#literal() === 'until';
    this.#at += 1;
    const condition = this.#body();
    return { kind: 'while', until, condition, body: this.#doBody(), redirects: this.#redirects() };
  }

  #doBody(): Script {
    this.#expectWord('do');
    const body = this.#body();
    this.#expectWord('done');
    return body;
  }

  #case(): Node {
    this.#at += 1;
    const subject = this.#word();
    this.#skipNewlines();
    this.#expectWord('in');
    const clauses: { patterns: Word[]; body: Script }[] = [];
    for (this.#skipNewlines(); this.#literal() !== 'esac'; this.#skipNewlines()) {
      if (this.#isOperator('(')) this.#at += 1;
      const patterns = [this.#word()];
      while (this.#isOperator('|')) {
        this.#at += 1;
        patterns.push(this.#word());
      }
      this.#expectOperator(')');
      clauses.push({ patterns, body: this.#list() });
      if (this.#isOperator(';;')) this.#at += 1;
    }
    this.#at += 1;
    return { kind: 'case', subject, clauses, redirects: this.#redirects() };
  }

  #word(): Word {
    const token = this.#peek();
    if (token.kind !== 'word') this.#unexpected();
    this.#at += 1;
    return token.word;
  }

  #redirects(): Redirect[] {
    const redirects: Redirect[] = [];
    for (let token = this.#peek(); token.kind === 'redirect'; token = this.#peek()) {
      this.#at += 1;
      redirects.push({ fd: token.fd, operator: token.operator, target: this.#word() });
    }
    return redirects;
  }

  #simple(): Node {
    const assignments: Assignment[] = [];
    const words: Word[] = [];
    const redirects: Redirect[] = [];
    for (;;) {
      redirects.push(...this.#redirects());
      const token = this.#peek();
      if (token.kind !== 'word') break;
      const assignment = words.length === 0 ? asAssignment(token.word) : undefined;
      if (assignment === undefined) words.push(token.word);
      else assignments.push(assignment);
      this.#at += 1;
    }
    if (assignments.length + words.length + redirects.length === 0) this.#unexpected();
    return { kind: 'simple', assignments, words, redirects };
  }
}

/** `NAME=word`, where the name and the sign are unquoted; used by commands such as `export` too. */
export function asAssignment(word: Word): Assignment | undefined {
  const [first, ...rest] = word;
  if (first?.kind !== 'text' || first.quoted) return undefined;
  const match = ASSIGNMENT.exec(first.text);
  if (match === null) return undefined;
  const text = first.text.slice(match[0].length);
  return { name: match[1] ?? '', value: text === '' ? rest : [{ ...first, text }, ...rest] };
}
