/** The shell's syntax tree. */

export type WordPart =
  | { readonly kind: 'text'; readonly text: string; readonly quoted: boolean }
  | {
      readonly kind: 'parameter';
      readonly name: string;
      /** `:-` and the like; `#` asks for the length. */
      readonly operator: string;
      readonly operand: Word;
      readonly quoted: boolean;
    }
  | { readonly kind: 'command'; readonly source: string; readonly quoted: boolean }
  | { readonly kind: 'arithmetic'; readonly source: Word; readonly quoted: boolean };

export type Word = readonly WordPart[];

export interface Redirect {
  /** Descriptor 0, 1 or 2; `both` is `&>`. */
  readonly fd: 0 | 1 | 2 | 'both';
  readonly operator: '<' | '>' | '>>' | '>&' | '<<<';
  readonly target: Word;
}

export interface Assignment {
  readonly name: string;
  readonly value: Word;
}

export interface ListItem {
  readonly node: Node;
  readonly background: boolean;
}

export type Script = readonly ListItem[];

export type Node =
  | {
      readonly kind: 'simple';
      readonly assignments: readonly Assignment[];
      readonly words: readonly Word[];
      readonly redirects: readonly Redirect[];
    }
  | { readonly kind: 'pipeline'; readonly negated: boolean; readonly commands: readonly Node[] }
  | {
      readonly kind: 'and-or';
      readonly first: Node;
      readonly rest: readonly { readonly operator: '&&' | '||'; readonly node: Node }[];
    }
  | { readonly kind: 'subshell' | 'group'; readonly body: Script; readonly redirects: readonly Redirect[] }
  | {
      readonly kind: 'if';
      readonly clauses: readonly { readonly condition: Script; readonly body: Script }[];
      readonly otherwise: Script | undefined;
      readonly redirects: readonly Redirect[];
    }
  | {
      readonly kind: 'for';
      readonly name: string;
      /** Undefined: the positional parameters. */
      readonly words: readonly Word[] | undefined;
      readonly body: Script;
      readonly redirects: readonly Redirect[];
    }
  | {
      readonly kind: 'while';
      readonly until: boolean;
      readonly condition: Script;
      readonly body: Script;
      readonly redirects: readonly Redirect[];
    }
  | {
      readonly kind: 'case';
      readonly subject: Word;
      readonly clauses: readonly { readonly patterns: readonly Word[]; readonly body: Script }[];
      readonly redirects: readonly Redirect[];
    };

/** Text that is no script; `incomplete` when more lines could mend it (an open quote, a missing `fi`). */
export class ShellSyntaxError extends Error {
  readonly incomplete: boolean;

  constructor(message: string, incomplete: boolean) {
    super(message);
    this.name = 'ShellSyntaxError';
    this.incomplete = incomplete;
  }
}

function leavesOutput(redirects: readonly Redirect[]): { out: boolean; err: boolean } {
  let out = true;
  let err = true;
  for (const redirect of redirects) {
    if (redirect.operator === '<' || redirect.operator === '<<<') continue;
    const joins = redirect.operator === '>&' && redirect.fd !== 'both';
    const first = redirect.target[0];
    const other = joins && first?.kind === 'text' ? first.text : undefined;
    if (redirect.fd === 'both') [out, err] = [false, false];
    else if (redirect.fd === 1) out = other === '2' ? err : other === '1' ? out : false;
    else if (redirect.fd === 2) err = other === '1' ? out : other === '2' ? err : false;
  }
  return { out, err };
}

/** Whether a background command keeps the shell's own stdout or stderr open after the shell's end. */
export function holdsOutput(node: Node): boolean {
  switch (node.kind) {
    case 'pipeline':
      return node.commands.some((command, index) => {
        if (command.kind === 'pipeline' || command.kind === 'and-or') return holdsOutput(command);
        const left = leavesOutput(command.redirects);
        return left.err || (left.out && index === node.commands.length - 1);
      });
    case 'and-or':
      return [node.first, ...node.rest.map((item) => item.node)].some(holdsOutput);
    default: {
      const left = leavesOutput(node.redirects);
      return left.out || left.err;
    }
  }
}
