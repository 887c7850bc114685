import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { streamDigest } from '../../virtual-phone/shell/stream-digest.ts';

async function* pieces(bytes: Buffer, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    await Promise.resolve();
    yield bytes.subarray(at, at + pieceBytes);
  }
}

function expected(algorithm: string, bytes: Buffer): string {
  return createHash(algorithm).update(bytes).digest('hex');
}

const MIB = 1024 * 1024;

describe('the digest of a stream', () => {
  it.each([
    ['nothing', 0, 1],
    ['a short input', 1000, 7],
    ['one byte less than is handed over', MIB - 1, 65_536],
    ['exactly what is handed over', MIB, 65_536],
    ['a length that fills no slot', 9 * MIB + 12_345, 65_531],
    ['pieces larger than a slot', 11 * MIB + 1, 3 * MIB + 1],
  ])('is that of its bytes: %s', async (_, sizeBytes, pieceBytes) => {
    const bytes = randomBytes(sizeBytes);
    expect(await streamDigest('sha256', pieces(bytes, pieceBytes))).toBe(expected('sha256', bytes));
  });

  it('keeps several at a time apart, in whatever order they end', async () => {
    const inputs = [12, 3, 7, 5, 9, 2].map((mib) => randomBytes(mib * MIB + mib));
    const algorithms = ['sha256', 'sha1', 'md5'];
    const of = (index: number): string => algorithms[index % algorithms.length] ?? '';
    const digests = await Promise.all(inputs.map((bytes, i) => streamDigest(of(i), pieces(bytes, 100_000))));
    expect(digests).toEqual(inputs.map((bytes, i) => expected(of(i), bytes)));
  });

  it('goes on after a stream that broke half-way', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield* pieces(randomBytes(4 * MIB), 65_536);
      throw new Error('cut');
    }
    await expect(streamDigest('sha256', broken())).rejects.toThrow('cut');
    const bytes = randomBytes(6 * MIB);
    expect(await streamDigest('sha256', pieces(bytes, 65_536))).toBe(expected('sha256', bytes));
  });
});
