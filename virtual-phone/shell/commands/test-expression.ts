import { operandPath, type Command, type CommandCall } from '../command.ts';

const UNARY = /^-[edfLhrwxsznt]$/;

/** `test EXPRESSION` and `[ EXPRESSION ]`: 0 true, 1 false, 2 for what is no expression. */
const test: Command = async (call) => {
  let args = [...call.args];
  if (call.name === '[') {
    if (args.at(-1) !== ']') {
      await call.err(`${call.state.name}: [: missing ]\n`);
      return 2;
    }
    args = args.slice(0, -1);
  }
  const value = disjunction(args, call);
  if (value !== undefined) return value ? 0 : 1;
  await call.err(`${call.state.name}: ${call.name}: unexpected operator or operand: ${args.join(' ')}\n`);
  return 2;
};

function disjunction(args: readonly string[], call: CommandCall): boolean | undefined {
  return combine(args, '-o', (part) => combine(part, '-a', (inner) => primary(inner, call), 'every'), 'some');
}

function combine(
  args: readonly string[],
  operator: string,
  evaluate: (part: readonly string[]) => boolean | undefined,
  mode: 'some' | 'every',
): boolean | undefined {
  // With up to three words an `-a` or `-o` may be an operand: POSIX decides by the number of words.
  if (args.length <= 3) return evaluate(args);
  const parts: string[][] = [[]];
  for (const arg of args) {
    if (arg === operator) parts.push([]);
    else parts.at(-1)?.push(arg);
  }
  const values = parts.map(evaluate);
  if (values.some((value) => value === undefined)) return undefined;
  return mode === 'some' ? values.includes(true) : !values.includes(false);
}

function primary(args: readonly string[], call: CommandCall): boolean | undefined {
  const [first, second, third] = args;
  if (first === undefined) return false;
  if (args.length === 1) return first !== '';
  if (args.length === 3 && second !== undefined && third !== undefined) {
    const value = binary(first, second, third, call);
    if (value !== undefined) return value;
  }
  if (first === '!') {
    const inner = primary(args.slice(1), call);
    return inner === undefined ? undefined : !inner;
  }
  if (first === '(' && args.at(-1) === ')') return disjunction(args.slice(1, -1), call);
  return args.length === 2 && second !== undefined && UNARY.test(first)
    ? unary(first, second, call)
    : undefined;
}

function unary(operator: string, operand: string, call: CommandCall): boolean {
  if (operator === '-z') return operand === '';
  if (operator === '-n') return operand !== '';
  if (operator === '-t') return false;
  const isLinkTest = operator === '-L' || operator === '-h';
  const stat =
    operand === '' ? undefined : call.device.files.statIfAny(operandPath(call, operand), !isLinkTest);
  if (stat === undefined) return false;
  switch (operator) {
    case '-d':
      return stat.kind === 'directory';
    case '-f':
      return stat.kind === 'file';
    case '-L':
    case '-h':
      return stat.kind === 'symlink';
    case '-s':
      return stat.sizeBytes > 0;
    case '-r':
      return (stat.mode & 0o444) !== 0;
    case '-w':
      return (stat.mode & 0o222) !== 0 && (stat.owner.user === 'shell' || stat.owner.user === 'u0_a0');
    case '-x':
      return (stat.mode & 0o111) !== 0;
    default:
      return true;
  }
}

function binary(left: string, operator: string, right: string, call: CommandCall): boolean | undefined {
  const times = (): [number, number] => {
    const mtime = (path: string): number =>
      call.device.files.statIfAny(operandPath(call, path))?.mtimeMs ?? 0;
    return [mtime(left), mtime(right)];
  };
  switch (operator) {
    case '=':
    case '==':
      return left === right;
    case '!=':
      return left !== right;
    case '<':
      return left < right;
    case '>':
      return left > right;
    case '-nt':
      return times()[0] > times()[1];
    case '-ot':
      return times()[0] < times()[1];
    default:
      break;
  }
  if (!/^-(?:eq|ne|lt|le|gt|ge)$/.test(operator)) return undefined;
  const [a, b] = [Number(left), Number(right)];
  if (left.trim() === '' || right.trim() === '' || !Number.isInteger(a) || !Number.isInteger(b))
    return undefined;
  return {
    '-eq': a === b,
    '-ne': a !== b,
    '-lt': a < b,
    '-le': a <= b,
    '-gt': a > b,
    '-ge': a >= b,
  }[operator];
}

export const TEST_COMMANDS: readonly (readonly [string, Command])[] = [
  ['test', test],
  ['[', test],
];
