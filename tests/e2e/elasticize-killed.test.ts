import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ChildProcess } from 'node:child_process';
import { parseManifest, type BundleManifest } from '../../core/bundle-manifest.ts';
import { unwrap } from '../../core/result.ts';
import { tinySourceModel, writeGguf } from '../../offline/index.ts';
import { asGguf } from '../offline/support/test-files.ts';
import { Workplace } from './project.ts';

let place: Workplace;
let model: string;

beforeAll(async () => {
  place = await Workplace.open({ withAdb: false });
  place.environment['BUNGEE_DATA'] = join(place.dir, 'no-data');
  model = join(place.dir, 'tiny.gguf');
  writeGguf(asGguf(tinySourceModel({ seed: 3 })), model, 'Q8_0');
});
afterAll(() => place.close());

/** Everything but the card: importance by gradients, recovery with teacher, a recipe of two variants. */
function args(folder: string): string[] {
  const paths = ['--model', model, '--out', join(folder, 'bundle'), '--recipe-out', join(folder, 'recipe')];
  return [...paths, '--steps', '2', '--shared-rank', '2', '--record', 'int8,q8', '--no-card', '--json'];
}

function folderFor(name: string): string {
  const folder = join(place.dir, name);
  mkdirSync(folder);
  return folder;
}

async function elasticized(folder: string): Promise<BundleManifest> {
  const { code, stdout, stderr } = await place.run('elasticize', args(folder));
  expect(code, stderr).toBe(0);
  expect(stderr).toContain("learn from Bungee's own pages alone");
  return unwrap(parseManifest(stdout, 'stdout'));
}

/** Kills the process without warning as soon as it says that it is at a stage. */
async function killedAt(stage: string, child: ChildProcess): Promise<NodeJS.Signals | null> {
  const ended = new Promise<NodeJS.Signals | null>((done) => child.once('exit', (_, signal) => done(signal)));
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString('utf8');
    if (said.includes(`% ${stage}`)) child.kill('SIGKILL');
  });
  return ended;
}

it('a run of the whole stage that is killed twice ends with the bundle of one that is not', async () => {
  const expected = await elasticized(folderFor('whole'));
  const folder = folderFor('killed');
  expect(await killedAt('importance', place.spawn('elasticize', args(folder)))).toBe('SIGKILL');
  expect(await killedAt('recovery', place.spawn('elasticize', args(folder)))).toBe('SIGKILL');
  expect(readdirSync(folder)).not.toContain('bundle');
  const manifest = await elasticized(folder);
  expect(manifest.recovery?.levels).toHaveLength(9);
  expect(manifest).toEqual(expected);
  expect(readdirSync(folder).sort()).toEqual(['bundle', 'recipe']);
  const verdict = await place.run('elasticize', [
    '--model',
    model,
    '--recipe',
    join(folder, 'recipe'),
    '--verify',
  ]);
  expect(verdict.stderr).toContain('verified');
  expect(verdict.code).toBe(0);
}, 300_000);
