import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { runtimePackSchema } from '../../core/runtime-pack.ts';
import { Workplace } from './project.ts';

const listSchema = z.object({
  packs: z.array(
    z.object({
      name: z.string(),
      canAssemble: z.boolean(),
      missing: z.array(z.string()),
      parts: z.array(
        z.object({ name: z.string(), sizeBytes: z.number().nullable(), sha256: z.string().nullable() }),
      ),
    }),
  ),
});

let place: Workplace;
beforeAll(async () => {
  place = await Workplace.open({ withAdb: false });
  place.environment['BUNGEE_CACHE'] = join(place.dir, 'cache');
});
afterAll(() => place.close());

test('the packs are listed with sizes and hashes, and nothing is fetched', async () => {
  const { code, stdout } = await place.run('pack', ['--list', '--json']);
  expect(code).toBe(0);
  const { packs } = listSchema.parse(JSON.parse(stdout));
  expect(packs.map(({ name }) => name)).toEqual(['android', 'glibc-arm64', 'termux', 'host']);
  const pinned = packs.flatMap(({ parts }) => parts).filter(({ sha256 }) => sha256 !== null);
  expect(pinned.length).toBeGreaterThan(6);
  expect(pinned.every(({ sizeBytes, sha256 }) => (sizeBytes ?? 0) > 0 && sha256?.length === 64)).toBe(true);
  expect(packs[0]).toMatchObject({ name: 'android', canAssemble: false });
});

test('a pack whose parts are not reachable fails with one line that names the first of them', async () => {
  const { code, stdout, stderr } = await place.run('pack', ['android', '--out', join(place.dir, 'android')]);
  expect(code).toBe(1);
  expect(stdout).toBe('');
  expect(stderr.trim().split('\n')).toEqual([
    expect.stringMatching(/^bungee: Missing part nodejs-lts \(Termux/),
  ]);
});

test('the host pack is its description alone', async () => {
  const out = join(place.dir, 'host');
  expect((await place.run('pack', ['host', '--out', out])).code).toBe(0);
  const pack = runtimePackSchema.parse(JSON.parse(await readFile(join(out, 'pack.json'), 'utf8')));
  expect(pack).toMatchObject({ name: 'host', node: process.version, files: [] });
});

test('a command without a pack is told the names', async () => {
  const { code, stderr } = await place.run('pack', []);
  expect(code).not.toBe(0);
  expect(stderr).toContain('android, glibc-arm64');
});
