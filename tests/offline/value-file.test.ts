import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ValueFile } from '../../offline/tlm/value-file.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bungee-values-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const never = (): Promise<number[]> => Promise.reject(new Error('made again'));

describe('a file of values', () => {
  it('makes each once, and gives the first asker what later ones read', async () => {
    const path = join(folder, 'new', 'values.jsonl');
    expect(await new ValueFile(path).once('a', () => Promise.resolve([1.23456789]))).toEqual([1.23457]);
    const again = new ValueFile(path);
    expect(again.size).toBe(1);
    expect(await again.once('a', never)).toEqual([1.23457]);
  });

  it('loses at most the line that was being written', async () => {
    const path = join(folder, 'values.jsonl');
    await new ValueFile(path).once('a', () => Promise.resolve([1]));
    appendFileSync(path, '{"key":"b","val');
    const again = new ValueFile(path);
    expect(again.has('b')).toBe(false);
    await again.once('b', () => Promise.resolve([2]));
    expect(readFileSync(path, 'utf8').trim().split('\n')).toHaveLength(2);
    expect(await new ValueFile(path).once('a', never)).toEqual([1]);
  });

  it('makes again what a damaged line held, and keeps the lines after it', async () => {
    const path = join(folder, 'values.jsonl');
    writeFileSync(path, 'damage\n{"key":"b","values":[2]}\n');
    const file = new ValueFile(path);
    expect(await file.once('b', never)).toEqual([2]);
    expect(file.size).toBe(1);
  });
});
