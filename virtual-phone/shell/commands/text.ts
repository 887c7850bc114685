import { readAll } from '../byte-streams.ts';
import { parseFlags, type Command } from '../command.ts';
import { forEachInput, lines } from './file-reading.ts';

/** Basic regular expressions of `grep` and `sed` as JavaScript's; extended ones are nearly the same already. */
export function regularExpression(text: string, extended: boolean, flags: string): RegExp | undefined {
  const source = extended
    ? text
    : text.replaceAll(
        /\\([(){}|+?])|([(){}|+?])/g,
        (_whole, escaped: string | undefined, plain: string | undefined) =>
          escaped === undefined ? `\\${plain ?? ''}` : escaped,
      );
  const classes = source
    .replaceAll('[:space:]', '\\s')
    .replaceAll('[:digit:]', '0-9')
    .replaceAll('[:alpha:]', 'A-Za-z')
    .replaceAll('[:alnum:]', 'A-Za-z0-9');
  try {
    return new RegExp(classes, flags);
  } catch {
    return undefined;
  }
}

const grep: Command = async (call) => {
  const { flags, values, operands, unknown } = parseFlags(call.args, 'qcvEiFonlhHsxwra', 'em');
  const [pattern, ...paths] = values.has('e') ? [values.get('e') ?? '', ...operands] : operands;
  if (pattern === undefined || unknown !== undefined) {
    await call.err(unknown === undefined ? 'grep: no REGEX\n' : `grep: Unknown option '${unknown}'\n`);
    return 2;
  }
  const literal = flags.has('F') ? pattern.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&') : pattern;
  const base = regularExpression(literal, flags.has('E') || flags.has('F'), '');
  const bounded =
    base === undefined
      ? undefined
      : flags.has('x')
        ? `^(?:${base.source})$`
        : flags.has('w')
          ? `\\b(?:${base.source})\\b`
          : base.source;
  if (bounded === undefined) {
    await call.err(`grep: bad REGEX '${pattern}'\n`);
    return 2;
  }
  const matcher = new RegExp(bounded, flags.has('i') ? 'gi' : 'g');
  const limit = Number(values.get('m') ?? Number.POSITIVE_INFINITY);
  let found = false;
  const failed = await forEachInput(call, paths, async (source, operand) => {
    const prefix = (paths.length > 1 && !flags.has('h')) || flags.has('H') ? `${operand}:` : '';
    let count = 0;
    let number = 0;
    for await (const line of lines(source, call.signal)) {
      number += 1;
      matcher.lastIndex = 0;
      if (matcher.test(line) === flags.has('v')) continue;
      found = true;
      count += 1;
      if (flags.has('q') || flags.has('l')) break;
      const at = `${prefix}${flags.has('n') ? `${number}:` : ''}`;
      if (flags.has('o')) for (const match of line.matchAll(matcher)) await call.out(`${at}${match[0]}\n`);
      else if (!flags.has('c')) await call.out(`${at}${line}\n`);
      if (count >= limit) break;
    }
    if (flags.has('l') && count > 0) await call.out(`${operand}\n`);
    else if (flags.has('c') && !flags.has('q')) await call.out(`${prefix}${count}\n`);
  });
  if (found) return 0;
  return failed === 0 ? 1 : 2;
};

const sort: Command = async (call) => {
  const { flags, values, operands } = parseFlags(call.args, 'nruf', 'kt');
  const all: string[] = [];
  const status = await forEachInput(call, operands, async (source) => {
    for await (const line of lines(source, call.signal)) all.push(line);
  });
  const column = Number(/^\d+/.exec(values.get('k') ?? '')?.[0] ?? 0);
  const separator = values.get('t') ?? /[ \t]+/;
  const numeric = flags.has('n') || /n/.test(values.get('k') ?? '');
  const key = (line: string): string => {
    const field = column === 0 ? line : (line.trimStart().split(separator)[column - 1] ?? '');
    return flags.has('f') ? field.toLowerCase() : field;
  };
  const compareText = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
  const compare = (a: string, b: string): number =>
    (numeric
      ? (Number.parseFloat(key(a)) || 0) - (Number.parseFloat(key(b)) || 0)
      : compareText(key(a), key(b))) || compareText(a, b);
  all.sort(flags.has('r') || /r/.test(values.get('k') ?? '') ? (a, b) => compare(b, a) : compare);
  const shown = flags.has('u') ? all.filter((line, index) => index === 0 || line !== all[index - 1]) : all;
  await call.out(shown.map((line) => `${line}\n`).join(''));
  return status;
};

const uniq: Command = (call) => {
  const { flags, operands } = parseFlags(call.args, 'cdu');
  return forEachInput(call, operands, async (source) => {
    let previous: string | undefined;
    let count = 0;
    const flush = async (): Promise<void> => {
      const isShown = flags.has('d') ? count > 1 : flags.has('u') ? count === 1 : count > 0;
      if (previous !== undefined && isShown)
        await call.out(`${flags.has('c') ? `${String(count).padStart(7)} ` : ''}${previous}\n`);
    };
    for await (const line of lines(source, call.signal)) {
      if (line !== previous) {
        await flush();
        count = 0;
        previous = line;
      }
      count += 1;
    }
    await flush();
  });
};

/** Chosen places of `1,3-5,7-`, counted from 1, as a test. */
function selection(list: string): (index: number) => boolean {
  const ranges = list.split(',').map((item) => {
    const [from = '', to] = item.split('-');
    return {
      from: Number(from || 1),
      to: to === undefined ? Number(from) : to === '' ? Number.POSITIVE_INFINITY : Number(to),
    };
  });
  return (index) => ranges.some((range) => index >= range.from && index <= range.to);
}

const cut: Command = async (call) => {
  const { flags, values, operands } = parseFlags(call.args, 's', 'dfcb');
  const list = values.get('f') ?? values.get('c') ?? values.get('b');
  if (list === undefined) {
    await call.err('cut: no selection (-f, -c)\n');
    return 1;
  }
  const chosen = selection(list);
  const delimiter = values.get('f') === undefined ? '' : (values.get('d') ?? '\t');
  return forEachInput(call, operands, async (source) => {
    for await (const line of lines(source, call.signal)) {
      if (delimiter !== '' && !line.includes(delimiter)) {
        if (!flags.has('s')) await call.out(`${line}\n`);
        continue;
      }
      await call.out(
        `${line
          .split(delimiter)
          .filter((_field, index) => chosen(index + 1))
          .join(delimiter)}\n`,
      );
    }
  });
};

const CLASSES: Readonly<Record<string, string>> = {
  '[:upper:]': 'A-Z',
  '[:lower:]': 'a-z',
  '[:digit:]': '0-9',
  '[:alpha:]': 'A-Za-z',
  '[:alnum:]': 'A-Za-z0-9',
  '[:space:]': ' \\t\\n\\r\\v\\f',
};

/** Characters of a `tr` set: ranges, classes and escapes written out. */
function characters(set: string): string[] {
  const named = set.replaceAll(/\[:[a-z]+:\]/g, (name) => CLASSES[name] ?? name);
  const plain = named.replaceAll(
    /\\([ntrvf0\\])/g,
    (_whole, letter: string) =>
      ({ n: '\n', t: '\t', r: '\r', v: '\v', f: '\f', '0': '\0', '\\': '\\' })[letter] ?? letter,
  );
  return [
    ...plain.replaceAll(/(.)-(.)/gs, (_whole, from: string, to: string) => {
      let range = '';
      for (let code = from.charCodeAt(0); code <= to.charCodeAt(0); code += 1)
        range += String.fromCharCode(code);
      return range;
    }),
  ];
}

const tr: Command = async (call) => {
  const { flags, operands } = parseFlags(call.args, 'dscC');
  const from = characters(operands[0] ?? '');
  const to = characters(operands[1] ?? '');
  const isIn = (char: string): boolean => from.includes(char) !== (flags.has('c') || flags.has('C'));
  const text = (await readAll(call.streams.stdin, call.signal)).toString('utf8');
  let output = '';
  let previous = '';
  for (const char of text) {
    const hit = isIn(char);
    if (hit && flags.has('d')) continue;
    const at = from.indexOf(char);
    const mapped =
      hit && to.length > 0 ? (to[Math.min(at < 0 ? to.length - 1 : at, to.length - 1)] ?? char) : char;
    if (flags.has('s') && hit && mapped === previous) continue;
    previous = mapped;
    output += mapped;
  }
  await call.out(output);
  return 0;
};

export const TEXT_COMMANDS: readonly (readonly [string, Command])[] = [
  ['grep', grep],
  ['egrep', (call) => call.run(['grep', '-E', ...call.args])],
  ['sort', sort],
  ['uniq', uniq],
  ['cut', cut],
  ['tr', tr],
];
