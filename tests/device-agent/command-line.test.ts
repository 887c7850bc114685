import { describe, expect, test } from 'vitest';
import { readOptions } from '../../device-agent/command-line.ts';

const TOKEN = 'a-token-of-enough-characters';
const required = ['--bundle', 'bundles/x', '--home', '.'];

describe('readOptions', () => {
  test('resolves folders against the working directory and fills in defaults', () => {
    const options = readOptions(required, { BUNGEE_TOKEN: TOKEN });
    expect(options).toMatchObject({
      ok: true,
      value: {
        bundleDir: `${process.cwd()}/bundles/x`,
        home: process.cwd(),
        port: 0,
        segmentForm: 'auto',
        guardCorrection: true,
        token: TOKEN,
      },
    });
  });

  test('takes port, threads and segment form', () => {
    const args = [...required, '--port', '8123', '--threads', '2', '--segment-form', 'conditional'];
    expect(readOptions(args, { BUNGEE_TOKEN: TOKEN })).toMatchObject({
      ok: true,
      value: { port: 8123, threads: 2, segmentForm: 'conditional' },
    });
  });

  test.each([
    ['on', true],
    ['off', false],
  ])('the guard’s correction can be switched: %s', (given, guardCorrection) => {
    const args = [...required, '--guard-correction', given];
    expect(readOptions(args, { BUNGEE_TOKEN: TOKEN })).toMatchObject({
      ok: true,
      value: { guardCorrection },
    });
  });

  test.each<[string, string[], string | undefined, string]>([
    ['no bundle', ['--home', '.'], TOKEN, 'bundle: is missing'],
    ['no home', ['--bundle', 'x'], TOKEN, 'home: is missing'],
    ['a port out of range', [...required, '--port', '70000'], TOKEN, 'port'],
    ['a port that is no number', [...required, '--port', '80a'], TOKEN, 'port: must be a whole number'],
    ['no threads', [...required, '--threads', '0'], TOKEN, 'threads'],
    ['an unknown form', [...required, '--segment-form', 'nested'], TOKEN, 'segment-form'],
    ['neither on nor off', [...required, '--guard-correction', 'maybe'], TOKEN, 'guard-correction'],
    ['an unknown option', [...required, '--token', 'x'], TOKEN, '--token'],
    ['no token', required, undefined, 'BUNGEE_TOKEN is invalid: is missing'],
    ['a short token', required, 'short', 'at least 16 characters'],
    ['a token with a line break', required, `${TOKEN}\n${TOKEN}`, 'printable ASCII'],
  ])('refuses %s', (_name, args, token, message) => {
    const options = readOptions(args, { BUNGEE_TOKEN: token });
    expect(options).toMatchObject({ ok: false, failure: { code: 'usage' } });
    expect(options.ok ? '' : options.failure.message).toContain(message);
  });
});
