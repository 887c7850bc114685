import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { unwrap } from '../../../core/result.ts';
import { collectLibraries } from '../../../electron/packs/collect-libraries.ts';
import { ARM64_MACHINE, readElf } from '../../../electron/packs/elf-file.ts';
import { stripElf } from '../../../electron/packs/strip-elf.ts';
import { makeElf } from './made-archives.ts';

const ONNXRUNTIME = join(
  import.meta.dirname,
  '../../../node_modules/onnxruntime-node/bin/napi-v6/linux/arm64',
);

describe('an ELF file', () => {
  test('of a real library tells what it needs', async () => {
    const elf = unwrap(readElf(await readFile(join(ONNXRUNTIME, 'libonnxruntime.so.1')), 'it'));
    expect(elf.machine).toBe(ARM64_MACHINE);
    expect(elf.interpreter).toBeNull();
    expect([...elf.needed].sort()).toEqual([
      'ld-linux-aarch64.so.1',
      'libc.so.6',
      'libdl.so.2',
      'libgcc_s.so.1',
      'libm.so.6',
      'libpthread.so.0',
      'librt.so.1',
      'libstdc++.so.6',
    ]);
    expect(elf.alignmentBytes).toBe(65_536);
  });

  test('of this Node names its loader', async () => {
    if (process.platform !== 'linux') return;
    const elf = unwrap(readElf(await readFile(process.execPath), 'node'));
    expect(elf.interpreter).toMatch(/^\/.*ld-.*so/);
    expect(elf.needed).toContain('libc.so.6');
  });

  test('without symbols is shorter and loads as before', async () => {
    const plain = makeElf({ needed: ['libc.so'], interpreter: '/lib/ld.so' });
    const withSections = Buffer.concat([plain, Buffer.from('symbols, debug information')]);
    withSections.writeBigUInt64LE(BigInt(plain.length), 40);
    withSections.writeUInt16LE(41, 60);
    const stripped = stripElf(withSections);
    expect(stripped.length).toBe(plain.length);
    expect(readElf(stripped, 'it')).toEqual(readElf(withSections, 'it'));
    expect([stripped.readBigUInt64LE(40), stripped.readUInt16LE(60)]).toEqual([0n, 0]);
    if (process.platform !== 'linux') return;
    const program = await mkdtemp(join(tmpdir(), 'bungee-strip-'));
    try {
      const node = stripElf(await readFile(process.execPath));
      await writeFile(join(program, 'node'), node, { mode: 0o755 });
      expect(execFileSync(join(program, 'node'), ['-p', '6 * 7'], { encoding: 'utf8' })).toBe('42\n');
      expect(node.length).toBeLessThanOrEqual((await stat(process.execPath)).size);
    } finally {
      await rm(program, { recursive: true, force: true });
    }
  });

  test.each([
    ['text', Buffer.from('#!/bin/sh\n')],
    ['cut off', makeElf({ needed: ['a.so'] }).subarray(0, 150)],
    ['empty', Buffer.alloc(0)],
  ])('that is %s is refused', (_what, bytes) => {
    const read = readElf(bytes, 'it');
    expect(read.ok ? null : read.failure.code).toBe('elf-unreadable');
  });
});

describe('the libraries of a pack', () => {
  const there = new Map([
    ['liba.so', makeElf({ needed: ['libb.so', 'libc.so'] })],
    ['libb.so', makeElf({ needed: ['liba.so', 'libc.so'] })],
    ['ld.so.1', makeElf({})],
    ['wrong.so', makeElf({ machine: 62 })],
    ['unused.so', makeElf({})],
  ]);
  const collect = (root: Buffer) =>
    collectLibraries(
      [{ name: 'node', bytes: root }],
      (name) => there.get(name) ?? null,
      (name) => name === 'libc.so',
      ARM64_MACHINE,
    );

  test('are those that are needed, by anything, and the loader; not the phone’s own', () => {
    const found = unwrap(collect(makeElf({ needed: ['liba.so'], interpreter: '/lib/ld.so.1' })));
    expect([...found.keys()].sort()).toEqual(['ld.so.1', 'liba.so', 'libb.so']);
  });

  test('that nothing gives are named with who needs them', () => {
    const found = collect(makeElf({ needed: ['libb.so', 'libgone.so'] }));
    expect(found.ok ? null : found.failure).toMatchObject({
      code: 'pack-library-missing',
      message: 'Missing part: nothing gives libgone.so, which node needs.',
    });
  });

  test('for another processor are refused', () => {
    const found = collect(makeElf({ needed: ['wrong.so'] }));
    expect(found.ok ? null : found.failure).toMatchObject({
      code: 'pack-wrong-machine',
      message: expect.stringContaining('wrong.so') as string,
    });
  });
});
