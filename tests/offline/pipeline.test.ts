import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../../core/result.ts';
import { elasticize, type ElasticizeOptions } from '../../offline/elasticize.ts';
import { WorkFolder } from '../../offline/pipeline/work-folder.ts';
import { readRecipe } from '../../offline/recipe/read-recipe.ts';
import { tinySourceModel } from '../../offline/sources/tiny-model.ts';
import { fakeRecovery } from './support/fake-recovery.ts';
import { temporaryFolder } from './support/test-files.ts';

/** No process has this id: it is above the largest that Linux, macOS and Windows give. */
const DEAD_PID = 99_999_999;

function options(folder: string, recovery = fakeRecovery()): ElasticizeOptions {
  return {
    model: tinySourceModel({ seed: 3 }),
    out: join(folder, 'bundle'),
    recipeOut: join(folder, 'recipe'),
    variant: 'int8',
    recovery: 'distill',
    adapter: { sites: ['mlp'], rank: 2, bias: false, norms: false },
    stages: { recover: recovery.stage },
    work: { folder: join(folder, 'work'), keep: false },
    seed: 4,
  };
}

/** Aborts at the first progress within a stage from `fraction` on. */
async function interruptedAt(stage: string, chosen: ElasticizeOptions): Promise<void> {
  const abort = new AbortController();
  let begin: number | null = null;
  const result = await elasticize(
    chosen,
    (progress) => {
      if (progress.stage !== stage) return;
      begin ??= progress.fraction;
      if (stage === 'finish' || progress.fraction > begin) abort.abort();
    },
    abort.signal,
  );
  expect(result).toMatchObject({ ok: false, failure: { code: 'cancelled' } });
}

describe('a run that was interrupted', () => {
  it.each(['importance', 'recovery', 'write weights', 'measure quality', 'finish'])(
    'during "%s" ends, when started again, with the bundle and the recipe of an uninterrupted one',
    async (stage) => {
      const whole = temporaryFolder();
      const expected = unwrap(await elasticize(options(whole)));
      const folder = temporaryFolder();
      await interruptedAt(stage, options(folder));
      expect(existsSync(join(folder, 'bundle'))).toBe(false);
      const manifest = unwrap(await elasticize(options(folder)));
      expect(manifest).toEqual(expected);
      expect(unwrap(await readRecipe(join(folder, 'recipe'))).sha256).toBe(
        unwrap(await readRecipe(join(whole, 'recipe'))).sha256,
      );
      expect(readdirSync(folder).sort()).toEqual(['bundle', 'recipe']);
    },
  );

  it('does not do again what was done', async () => {
    const folder = temporaryFolder();
    const recovery = fakeRecovery();
    await interruptedAt('recovery', options(folder, recovery));
    expect(recovery.trained()).toBeGreaterThan(0);
    const stages: string[] = [];
    unwrap(await elasticize(options(folder, recovery), ({ stage }) => stages.push(stage)));
    expect(recovery.trained()).toBe(8);
    expect(stages.filter((stage) => stage === 'importance')).toHaveLength(1);
  });

  it('started with another seed trains anew, on the same importance', async () => {
    const folder = temporaryFolder();
    await interruptedAt('write weights', options(folder));
    const recovery = fakeRecovery();
    const manifest = unwrap(await elasticize({ ...options(folder, recovery), seed: 5 }));
    expect(recovery.trained()).toBe(8);
    const fresh = unwrap(await elasticize({ ...options(temporaryFolder()), seed: 5 }));
    expect(manifest.files).toEqual(fresh.files);
  });

  it('with a damaged stage does that stage again', async () => {
    const folder = temporaryFolder();
    await interruptedAt('write weights', options(folder));
    const work = join(folder, 'work');
    for (const name of readdirSync(work).filter((name) => name.startsWith('stage-')))
      for (const file of readdirSync(join(work, name))) writeFileSync(join(work, name, file), 'damaged');
    for (const name of readdirSync(work).filter((name) => name.startsWith('stage-recovery-')))
      for (const file of readdirSync(join(work, name))) writeFileSync(join(work, name, file), '');
    const again = { ...options(folder), work: { folder: work, keep: true } };
    expect((await elasticize(again)).ok).toBe(true);
    expect(readdirSync(work)).toContain('bungee-work.json');
  });
});

describe('a work folder', () => {
  it('in use is refused to a second run', () => {
    const path = join(temporaryFolder(), 'work');
    const first = unwrap(WorkFolder.open(path));
    expect(WorkFolder.open(path)).toMatchObject({
      ok: false,
      failure: { code: 'work-locked', message: expect.stringContaining(`process ${process.pid}`) },
    });
    first.close(true);
    unwrap(WorkFolder.open(path)).close(false);
    expect(existsSync(path)).toBe(false);
  });

  it('of a process that is gone is taken over, and its temporary files are removed', () => {
    const path = join(temporaryFolder(), 'work');
    unwrap(WorkFolder.open(path)).close(true);
    writeFileSync(join(path, 'lock.json'), JSON.stringify({ pid: DEAD_PID, token: 'x' }));
    mkdirSync(join(path, 'scratch', 'half'), { recursive: true });
    const work = unwrap(WorkFolder.open(path));
    expect(readdirSync(path).sort()).toEqual(['bungee-work.json', 'lock.json']);
    expect(readFileSync(join(path, 'lock.json'), 'utf8')).toContain(String(process.pid));
    work.close(false);
  });

  it('that holds something else is refused and left alone', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'work'));
    writeFileSync(join(folder, 'work', 'thesis.txt'), 'do not lose me');
    expect(await elasticize(options(folder))).toMatchObject({ ok: false, failure: { code: 'work-taken' } });
    expect(readdirSync(join(folder, 'work'))).toEqual(['thesis.txt']);
    expect(readdirSync(folder)).toEqual(['work']);
  });

  it('keeps what a person put into it when its own is removed', async () => {
    const folder = temporaryFolder();
    await interruptedAt('recovery', options(folder));
    writeFileSync(join(folder, 'work', 'notes.txt'), 'mine');
    unwrap(await elasticize(options(folder)));
    expect(readdirSync(join(folder, 'work'))).toEqual(['notes.txt']);
  });
});

describe('what a killed run has left beside its bundle', () => {
  it('is removed by the next run, but not what belongs to a living one', async () => {
    const folder = temporaryFolder();
    const [dead, alive] = [`.bundle-${DEAD_PID}-abc123`, `.bundle-${process.ppid}-abc123`];
    for (const name of [dead, alive]) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'weights.bin'), 'half');
    }
    unwrap(await elasticize({ model: tinySourceModel(), out: join(folder, 'bundle'), variant: 'q8' }));
    expect(readdirSync(folder).sort()).toEqual([alive, 'bundle']);
  });

  it('is put back where the kill came between taking the old bundle away and putting the new one in place', async () => {
    const folder = temporaryFolder();
    const old = join(folder, `.bundle-${DEAD_PID}-abc123-old`);
    mkdirSync(old);
    writeFileSync(join(old, 'manifest.json'), '{"bundleId": "x"}');
    const abort = new AbortController();
    abort.abort();
    const out = join(folder, 'bundle');
    expect(
      (await elasticize({ model: tinySourceModel(), out, variant: 'q8' }, undefined, abort.signal)).ok,
    ).toBe(false);
    expect(readdirSync(folder)).toEqual(['bundle']);
  });
});
