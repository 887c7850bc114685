import { ShellError } from './shell-state.ts';

const TOKEN = /\s*(?:(\d+)|([A-Za-z_]\w*)|(\*\*|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%<>!~&|^?:()]))/y;

/** Binary operators from loose to tight, as in C. */
const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<', '<=', '>', '>='],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
];

/** Value of `$((...))`: C integer arithmetic without assignment. @throws ShellError for text that is no expression. */
export function evaluateArithmetic(text: string, variable: (name: string) => string | undefined): number {
  const tokens = tokenize(text);
  let at = 0;
  const level = (depth: number): number => {
    const operators = LEVELS[depth];
    if (operators === undefined) return unary();
    let left = level(depth + 1);
    for (
      let operator = tokens[at];
      operator !== undefined && operators.includes(operator);
      operator = tokens[at]
    ) {
      at += 1;
      left = apply(operator, left, level(depth + 1));
    }
    return left;
  };
  const unary = (): number => {
    const token = tokens[at];
    at += 1;
    if (token === undefined) throw new ShellError(`${text}: unexpected end of expression`);
    if (token === '-') return -unary();
    if (token === '+') return unary();
    if (token === '!') return unary() === 0 ? 1 : 0;
    if (token === '~') return ~unary();
    if (token === '(') {
      const value = level(0);
      if (tokens[at] !== ')') throw new ShellError(`${text}: missing )`);
      at += 1;
      return value;
    }
    if (/^\d/.test(token)) return Number(token);
    if (/^\w/.test(token)) return Math.trunc(Number(variable(token) ?? 0)) || 0;
    throw new ShellError(`${text}: unexpected '${token}'`);
  };
  const value = tokens.length === 0 ? 0 : level(0);
  if (at < tokens.length) throw new ShellError(`${text}: unexpected '${tokens[at] ?? ''}'`);
  return value;
}

function tokenize(text: string): string[] {
  const found: string[] = [];
  const trimmed = text.trimEnd();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < trimmed.length) {
    const match = TOKEN.exec(trimmed);
    if (match === null) throw new ShellError(`${text}: bad expression`);
    found.push(match[1] ?? match[2] ?? match[3] ?? '');
  }
  return found;
}

function apply(operator: string, left: number, right: number): number {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
    case '%':
      if (right === 0) throw new ShellError('zero divisor');
      return operator === '/' ? Math.trunc(left / right) : left % right;
    case '<':
      return Number(left < right);
    case '<=':
      return Number(left <= right);
    case '>':
      return Number(left > right);
    case '>=':
      return Number(left >= right);
    case '==':
      return Number(left === right);
    case '!=':
      return Number(left !== right);
    case '&&':
      return Number(left !== 0 && right !== 0);
    case '||':
      return Number(left !== 0 || right !== 0);
    case '&':
      return left & right;
    case '|':
      return left | right;
    case '^':
      return left ^ right;
    case '<<':
      return left << right;
    default:
      return left >> right;
  }
}
