import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BundleManifest } from '../../core/bundle-manifest.ts';
import { readManifest, verifyBundle } from '../../device-agent/engine/verify-bundle.ts';

let folder = '';
const contents: Record<string, string> = { 'graph.onnx': 'graph', 'weights.bin': 'w'.repeat(5000) };
/** verifyBundle looks at the file list only. */
const manifest = {
  files: Object.entries(contents).map(([path, text]) => ({
    path,
    sizeBytes: text.length,
    sha256: createHash('sha256').update(text).digest('hex'),
  })),
} as unknown as BundleManifest;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bungee-verify-'));
  for (const [path, text] of Object.entries(contents)) writeFileSync(join(folder, path), text);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('verifyBundle', () => {
  test.each<[string, () => void, string]>([
    ['missing', () => rmSync(join(folder, 'graph.onnx')), 'graph.onnx is missing'],
    [
      'truncated',
      () => truncateSync(join(folder, 'weights.bin'), 4999),
      'weights.bin has 4999 bytes instead of 5000',
    ],
    [
      'changed',
      () => writeFileSync(join(folder, 'weights.bin'), 'x' + 'w'.repeat(4999)),
      'weights.bin has another SHA-256',
    ],
  ])('names the first file that is wrong: %s', async (_name, damage, message) => {
    damage();
    const result = await verifyBundle(folder, manifest, null);
    expect(result).toMatchObject({ ok: false, failure: { code: 'bundle-corrupt' } });
    expect(result.ok ? '' : result.failure.message).toContain(message);
  });

  test('does not hash an unchanged file twice, but does after a change of size or time', async () => {
    const stamps = join(folder, 'verified.json');
    const hashed = async (): Promise<number | null> => {
      const result = await verifyBundle(folder, manifest, stamps);
      return result.ok ? result.value.hashedBytes : null;
    };
    expect(await hashed()).toBe(5005);
    expect(await hashed()).toBe(0);
    const graph = join(folder, 'graph.onnx');
    utimesSync(graph, statSync(graph).atime, new Date(1_000_000));
    expect(await hashed()).toBe(5);
    writeFileSync(join(folder, 'weights.bin'), 'x' + 'w'.repeat(4999));
    expect(await hashed()).toBe(null);
  });

  test('a damaged stamp file only costs hashing again', async () => {
    const stamps = join(folder, 'verified.json');
    writeFileSync(stamps, '{"weights');
    expect(await verifyBundle(folder, manifest, stamps)).toEqual({ ok: true, value: { hashedBytes: 5005 } });
  });
});

describe('readManifest', () => {
  test.each<[string, string | null, string]>([
    ['no manifest', null, 'bundle-missing'],
    ['no JSON', 'GGUF\u0003', 'bundle-foreign'],
    ['another program’s JSON', '{"name":"x"}', 'bundle-foreign'],
    ['a newer schema', '{"schemaVersion":99}', 'bundle-newer'],
    ['a damaged manifest', '{"schemaVersion":1,"bundleId":"zz"}', 'bundle-corrupt'],
  ])('%s', async (_name, text, code) => {
    if (text !== null) writeFileSync(join(folder, 'manifest.json'), text);
    const result = await readManifest(folder);
    expect(result).toMatchObject({ ok: false, failure: { code } });
  });
});
