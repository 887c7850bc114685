import { tokenize, type Token } from './lexer.ts';
import type { Assignment, ListItem, Node, Redirect, Script, Word } from './syntax.ts';
import { TokenCursor } from './token-cursor.ts';

const ASSIGNMENT = /^([A-Za-z_][A-Za-z0-9_]*)=/;
/** Reserved words that end a list where a command would begin. */
const CLOSERS = new Set(['then', 'elif', 'else', 'fi', 'do', 'done', 'esac', '}']);

/** Parses a script of Android's sh (mksh): the subset that `shell/syntax.ts` names. @throws ShellSyntaxError. */
export function parseScript(source: string): Script {
  return new Parser(tokenize(source)).script();
}

class Parser {
  readonly #tokens: TokenCursor;

  constructor(tokens: readonly Token[]) {
    this.#tokens = new TokenCursor(tokens);
  }

  script(): Script {
    const items = this.#list();
    if (this.#tokens.peek().kind !== 'end') this.#tokens.unexpected();
    return items;
  }

  #list(): ListItem[] {
    const items: ListItem[] = [];
    for (;;) {
      this.#tokens.skipNewlines();
      const token = this.#tokens.peek();
      if (
        token.kind === 'end' ||
        this.#tokens.isOperator(')', ';;') ||
        CLOSERS.has(this.#tokens.literal() ?? '')
      )
        return items;
      const node = this.#andOr();
      const background = this.#tokens.isOperator('&');
      items.push({ node, background });
      if (background || this.#tokens.isOperator(';')) this.#tokens.skip();
      else if (this.#tokens.peek().kind !== 'newline') return items;
    }
  }

  #body(): Script {
    const items = this.#list();
    if (items.length === 0) this.#tokens.unexpected();
    return items;
  }

  #andOr(): Node {
    const first = this.#pipeline();
    const rest: { operator: '&&' | '||'; node: Node }[] = [];
    while (this.#tokens.isOperator('&&', '||')) {
      const operator = this.#tokens.isOperator('&&') ? '&&' : '||';
      this.#tokens.skip();
      this.#tokens.skipNewlines();
      rest.push({ operator, node: this.#pipeline() });
    }
    return rest.length === 0 ? first : { kind: 'and-or', first, rest };
  }

  #pipeline(): Node {
    let negated = false;
    while (this.#tokens.literal() === '!') {
      negated = !negated;
      this.#tokens.skip();
    }
    const commands = [this.#command()];
    while (this.#tokens.isOperator('|')) {
      this.#tokens.skip();
      this.#tokens.skipNewlines();
      commands.push(this.#command());
    }
    const [only] = commands;
    return commands.length === 1 && only !== undefined && !negated
      ? only
      : { kind: 'pipeline', negated, commands };
  }

  #command(): Node {
    if (this.#tokens.isOperator('(')) {
      this.#tokens.skip();
      const body = this.#body();
      this.#tokens.expectOperator(')');
      return { kind: 'subshell', body, redirects: this.#redirects() };
    }
    switch (this.#tokens.literal()) {
      case '{': {
        this.#tokens.skip();
        const body = this.#body();
        this.#tokens.expectWord('}');
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
      this.#tokens.skip();
      const condition = this.#body();
      this.#tokens.expectWord('then');
      clauses.push({ condition, body: this.#body() });
    } while (this.#tokens.literal() === 'elif');
    if (this.#tokens.literal() === 'else') {
      this.#tokens.skip();
      otherwise = this.#body();
    }
    this.#tokens.expectWord('fi');
    return { kind: 'if', clauses, otherwise, redirects: this.#redirects() };
  }

  #for(): Node {
    this.#tokens.skip();
    const name = this.#tokens.literal();
    if (name === undefined || !/^[A-Za-z_]\w*$/.test(name)) this.#tokens.unexpected();
    this.#tokens.skip();
    this.#tokens.skipNewlines();
    let words: Word[] | undefined;
    if (this.#tokens.literal() === 'in') {
      this.#tokens.skip();
      words = [];
      for (let token = this.#tokens.peek(); token.kind === 'word'; token = this.#tokens.peek()) {
        words.push(token.word);
        this.#tokens.skip();
      }
    }
    if (this.#tokens.isOperator(';')) this.#tokens.skip();
    this.#tokens.skipNewlines();
    return { kind: 'for', name, words, body: this.#doBody(), redirects: this.#redirects() };
  }

  #while(): Node {
    const until = this.#tokens.literal() === 'until';
    this.#tokens.skip();
    const condition = this.#body();
    return { kind: 'while', until, condition, body: this.#doBody(), redirects: this.#redirects() };
  }

  #doBody(): Script {
    this.#tokens.expectWord('do');
    const body = this.#body();
    this.#tokens.expectWord('done');
    return body;
  }

  #case(): Node {
    this.#tokens.skip();
    const subject = this.#word();
    this.#tokens.skipNewlines();
    this.#tokens.expectWord('in');
    const clauses: { patterns: Word[]; body: Script }[] = [];
    for (this.#tokens.skipNewlines(); this.#tokens.literal() !== 'esac'; this.#tokens.skipNewlines()) {
      if (this.#tokens.isOperator('(')) this.#tokens.skip();
      const patterns = [this.#word()];
      while (this.#tokens.isOperator('|')) {
        this.#tokens.skip();
        patterns.push(this.#word());
      }
      this.#tokens.expectOperator(')');
      clauses.push({ patterns, body: this.#list() });
      if (this.#tokens.isOperator(';;')) this.#tokens.skip();
    }
    this.#tokens.skip();
    return { kind: 'case', subject, clauses, redirects: this.#redirects() };
  }

  #word(): Word {
    const token = this.#tokens.peek();
    if (token.kind !== 'word') this.#tokens.unexpected();
    this.#tokens.skip();
    return token.word;
  }

  #redirects(): Redirect[] {
    const redirects: Redirect[] = [];
    for (let token = this.#tokens.peek(); token.kind === 'redirect'; token = this.#tokens.peek()) {
      this.#tokens.skip();
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
      const token = this.#tokens.peek();
      if (token.kind !== 'word') break;
      const assignment = words.length === 0 ? asAssignment(token.word) : undefined;
      if (assignment === undefined) words.push(token.word);
      else assignments.push(assignment);
      this.#tokens.skip();
    }
    if (assignments.length + words.length + redirects.length === 0) this.#tokens.unexpected();
    return { kind: 'simple', assignments, words, redirects };
  }
}

/** `NAME=word`, where the name and the sign are unquoted. */
function asAssignment(word: Word): Assignment | undefined {
  const [first, ...rest] = word;
  if (first?.kind !== 'text' || first.quoted) return undefined;
  const match = ASSIGNMENT.exec(first.text);
  if (match === null) return undefined;
  const text = first.text.slice(match[0].length);
  return { name: match[1] ?? '', value: text === '' ? rest : [{ ...first, text }, ...rest] };
}
