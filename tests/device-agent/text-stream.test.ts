import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { earliestStop, heldLength, TextStream } from '../../device-agent/engine/text-stream.ts';
import { buildTokenBytes, bytesOfToken } from '../../device-agent/engine/token-bytes.ts';

/** A vocabulary whose token t is byte t, as byte fallback writes it. */
const byteTable = buildTokenBytes(
  new Map(Array.from({ length: 256 }, (_, i) => [i, `<0x${i.toString(16).padStart(2, '0').toUpperCase()}>`])),
  256,
  'metaspace',
  new Set(),
  new Set(),
);

function streamed(
  text: string,
  stops: readonly string[],
): { pieces: string[]; all: string; stopped: boolean } {
  const stream = new TextStream(byteTable, stops);
  const pieces: string[] = [];
  let stopped = false;
  for (const byte of new TextEncoder().encode(text)) {
    const step = stream.push(byte);
    pieces.push(step.text);
    stopped = step.stopped;
    if (stopped) break;
  }
  pieces.push(stream.finish());
  return { pieces, all: pieces.join(''), stopped };
}

describe('TextStream', () => {
  test.each<[string, string, string[], string, boolean]>([
    ['plain text passes', 'Hello.', [], 'Hello.', false],
    ['a character split over tokens comes whole', 'naïve 😀 日本', [], 'naïve 😀 日本', false],
    ['a stop string ends the text and is not shown', 'one\ntwo', ['\n'], 'one', true],
    ['a stop string over several tokens', 'answer END more', ['END'], 'answer ', true],
    ['a beginning of a stop string that does not come is shown', 'EN route', ['END'], 'EN route', false],
    ['held text comes at the end', 'wait EN', ['END'], 'wait EN', false],
    ['the earliest of several stops', 'a;b,c', [',', ';'], 'a', true],
    ['overlapping beginnings', 'aab aaab', ['aaab'], 'aab ', true],
    ['empty stop strings are ignored', 'abc', [''], 'abc', false],
    ['a stop string of several bytes', 'eins—zwei', ['—'], 'eins', true],
  ])('%s', (_name, text, stops, expected, stopped) => {
    expect(streamed(text, stops)).toMatchObject({ all: expected, stopped });
  });

  test('an unfinished character at the end is dropped, never shown as U+FFFD', () => {
    const stream = new TextStream(byteTable, []);
    const bytes = new TextEncoder().encode('a😀');
    const text = [...bytes.slice(0, 3)].map((byte) => stream.push(byte).text).join('') + stream.finish();
    expect(text).toBe('a');
  });

  test('any text without stop strings comes out unchanged, whole characters only', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        const { pieces, all } = streamed(text, []);
        expect(all).toBe(text);
        expect(pieces.some((piece) => piece.includes('\uFFFD'))).toBe(text.includes('\uFFFD'));
      }),
    );
  });

  test('with stop strings the text ends where the first one begins', () => {
    const short = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 40 }),
        fc.array(short, { maxLength: 3 }),
        (text, stops) => {
          const { all, stopped } = streamed(text, stops);
          // The stop string that is complete first counts, at its earliest beginning.
          const ends = [...text].map((_, i) => earliestStop(text.slice(0, i + 1), stops));
          const first = ends.find((at) => at !== null) ?? null;
          expect(stopped).toBe(first !== null);
          expect(all).toBe(first === null ? text : text.slice(0, first));
        },
      ),
    );
  });

  test('heldLength never holds a complete stop string', () => {
    expect(heldLength('xab', ['abc', 'b'])).toBe(2);
    expect(heldLength('xyz', ['abc'])).toBe(0);
  });
});

describe('buildTokenBytes', () => {
  const vocabulary = new Map([
    [0, '<|im_end|>'],
    [1, 'Ġworld'],
    [2, 'Ã¯'],
    [3, '<note>'],
  ]);
  const table = buildTokenBytes(vocabulary, 5, 'byte-level', new Set([0]), new Set([0, 3]));
  const text = (token: number): string => new TextDecoder().decode(bytesOfToken(table, token));

  test('byte-level characters become bytes, special tokens and holes nothing', () => {
    expect([0, 1, 2, 3, 4].map(text)).toEqual(['', ' world', 'ï', '<note>', '']);
  });

  test('metaspace vocabularies write spaces as U+2581 and bytes in hex', () => {
    const spaced = buildTokenBytes(
      new Map([
        [0, '▁the'],
        [1, '<0x0A>'],
      ]),
      2,
      'metaspace',
      new Set(),
      new Set(),
    );
    expect([0, 1].map((token) => new TextDecoder().decode(bytesOfToken(spaced, token)))).toEqual([
      ' the',
      '\n',
    ]);
  });
});
