import type { Token } from './lexer.ts';
import { ShellSyntaxError } from './syntax.ts';

/** A place in a script's tokens; wrong ones throw {@link ShellSyntaxError}. */
export class TokenCursor {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  peek(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end' };
  }

  skip(): void {
    this.#at += 1;
  }

  skipNewlines(): void {
    while (this.peek().kind === 'newline') this.skip();
  }

  /** Text of the next word where none of it is quoted or expanded. */
  literal(): string | undefined {
    const token = this.peek();
    return token.kind === 'word' ? token.literal : undefined;
  }

  isOperator(...texts: readonly string[]): boolean {
    const token = this.peek();
    return token.kind === 'operator' && texts.includes(token.text);
  }

  expectWord(text: string): void {
    if (this.literal() !== text) this.unexpected();
    this.skip();
  }

  expectOperator(text: string): void {
    if (!this.isOperator(text)) this.unexpected();
    this.skip();
  }

  unexpected(): never {
    const token = this.peek();
    const shown =
      token.kind === 'operator' ? token.text : token.kind === 'word' ? (token.literal ?? 'word') : token.kind;
    throw new ShellSyntaxError(`syntax error: unexpected '${shown}'`, token.kind === 'end');
  }
}
