import type { Command } from '../command.ts';

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\u0007',
  b: '\b',
  f: '\f',
  v: '\v',
  '\\': '\\',
  e: '\u001b',
};

/** Backslash escapes of `echo -e` and `printf`; octal as `\0nn` or `\nn`, hexadecimal as `\xnn`. */
function unescape(text: string): string {
  return text.replaceAll(/\\(?:(0?[0-7]{1,3})|x([0-9a-fA-F]{1,2})|(.))/gs, (whole, octal, hex, char) => {
    if (typeof octal === 'string') return String.fromCharCode(Number.parseInt(octal, 8));
    if (typeof hex === 'string') return String.fromCharCode(Number.parseInt(hex, 16));
    return ESCAPES[String(char)] ?? whole;
  });
}

const echo: Command = async (call) => {
  const args = [...call.args];
  let newline = true;
  let escapes = false;
  while (/^-[neE]+$/.test(args[0] ?? '')) {
    const flag = args.shift() ?? '';
    if (flag.includes('n')) newline = false;
    if (flag.includes('e')) escapes = true;
  }
  const text = args.join(' ');
  await call.out(`${escapes ? unescape(text) : text}${newline ? '\n' : ''}`);
  return 0;
};

const CONVERSION = /%(?<flags>[-+ 0#]*)(?<width>\d+)?(?:\.(?<precision>\d+))?(?<type>[sdiuxXofcb%])/g;

/** `printf FORMAT ARGS`: the format repeats while arguments are left, as POSIX says. */
const printf: Command = async (call) => {
  const [format, ...args] = call.args;
  if (format === undefined) {
    await call.err('printf: Needs 1 argument\n');
    return 1;
  }
  const rest = [...args];
  let text = '';
  do {
    const before = rest.length;
    text += unescape(format).replaceAll(CONVERSION, (...match) =>
      convert(match.at(-1) as ConversionGroups, rest),
    );
    if (rest.length === before) break;
  } while (rest.length > 0);
  await call.out(text);
  return 0;
};

interface ConversionGroups {
  readonly flags: string;
  readonly width?: string;
  readonly precision?: string;
  readonly type: string;
}

function convert(groups: ConversionGroups, args: string[]): string {
  if (groups.type === '%') return '%';
  const arg = args.shift() ?? '';
  const number = (): number => Number(arg || 0) || 0;
  const body = ((): string => {
    switch (groups.type) {
      case 's':
        return groups.precision === undefined ? arg : arg.slice(0, Number(groups.precision));
      case 'b':
        return unescape(arg);
      case 'c':
        return arg.slice(0, 1);
      case 'x':
        return Math.trunc(number()).toString(16);
      case 'X':
        return Math.trunc(number()).toString(16).toUpperCase();
      case 'o':
        return Math.trunc(number()).toString(8);
      case 'f':
        return number().toFixed(Number(groups.precision ?? 6));
      default:
        return String(Math.trunc(number()));
    }
  })();
  const width = Number(groups.width ?? 0);
  if (groups.flags.includes('-')) return body.padEnd(width);
  return body.padStart(width, groups.flags.includes('0') && groups.type !== 's' ? '0' : ' ');
}

/** Waits; ends early when the command is to end. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, milliseconds);
    signal.addEventListener('abort', finish, { once: true });
  });
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 };

const sleep: Command = async (call) => {
  const match = /^(\d*\.?\d+)([smhd]?)$/.exec(call.args[0] ?? '');
  if (match === null) {
    await call.err(`sleep: bad interval '${call.args[0] ?? ''}'\n`);
    return 1;
  }
  await pause(Number(match[1]) * (UNIT_SECONDS[match[2] ?? ''] ?? 1) * 1000, call.signal);
  return call.signal.aborted ? 143 : 0;
};

const TWO = (value: number): string => String(value).padStart(2, '0');
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `date`, in UTC as the profile's time zone says: `+FORMAT` with the usual letters. */
const date: Command = async (call) => {
  const at = new Date();
  const day = DAYS[at.getUTCDay()] ?? '';
  const month = MONTHS[at.getUTCMonth()] ?? '';
  const time = `${TWO(at.getUTCHours())}:${TWO(at.getUTCMinutes())}:${TWO(at.getUTCSeconds())}`;
  const format = call.args.find((arg) => arg.startsWith('+'));
  const values: Readonly<Record<string, string>> = {
    Y: String(at.getUTCFullYear()),
    m: TWO(at.getUTCMonth() + 1),
    d: TWO(at.getUTCDate()),
    H: TWO(at.getUTCHours()),
    M: TWO(at.getUTCMinutes()),
    S: TWO(at.getUTCSeconds()),
    s: String(Math.floor(at.getTime() / 1000)),
    N: `${String(at.getTime() % 1000).padStart(3, '0')}000000`,
    F: at.toISOString().slice(0, 10),
    T: time,
    Z: 'UTC',
    z: '+0000',
    a: day,
    b: month,
    n: '\n',
    '%': '%',
  };
  const text =
    format === undefined
      ? `${day} ${month} ${String(at.getUTCDate()).padStart(2)} ${time} UTC ${at.getUTCFullYear()}`
      : format.slice(1).replaceAll(/%(.)/g, (whole, letter: string) => values[letter] ?? whole);
  await call.out(`${text}\n`);
  return 0;
};

const seq: Command = async (call) => {
  const numbers = call.args.map(Number);
  const [first, step, last] =
    numbers.length === 1 ? [1, 1, numbers[0]] : numbers.length === 2 ? [numbers[0], 1, numbers[1]] : numbers;
  if (
    first === undefined ||
    step === undefined ||
    last === undefined ||
    [first, step, last].some(Number.isNaN) ||
    step === 0
  ) {
    await call.err('seq: bad argument\n');
    return 1;
  }
  for (let value = first; step > 0 ? value <= last : value >= last; value += step) {
    if (call.signal.aborted) return 143;
    await call.out(`${value}\n`);
  }
  return 0;
};

export const OUTPUT_COMMANDS: readonly (readonly [string, Command])[] = [
  ['echo', echo],
  ['printf', printf],
  ['true', () => 0],
  ['false', () => 1],
  ['sleep', sleep],
  ['date', date],
  ['seq', seq],
];
