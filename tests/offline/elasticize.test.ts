import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MANIFEST_FILE, manifestIdentityText, parseManifest } from '../../core/bundle-manifest.ts';
import { unwrap } from '../../core/result.ts';
import { elasticize, type ElasticizeOptions } from '../../offline/elasticize.ts';
import type { Progress } from '../../offline/progress.ts';
import { tinySourceModel } from '../../offline/sources/tiny-model.ts';
import { temporaryFolder } from './support/test-files.ts';

function options(change: Partial<ElasticizeOptions> = {}): ElasticizeOptions {
  return {
    model: tinySourceModel({ seed: 6 }),
    out: join(temporaryFolder(), 'bundle'),
    variant: 'int8',
    dataFolder: null,
    ...change,
  };
}

describe('a bundle', () => {
  it('is a folder whose manifest names every file with its size and hash, and its own content', async () => {
    const chosen = options();
    const manifest = unwrap(await elasticize(chosen));
    const read = unwrap(parseManifest(readFileSync(join(chosen.out, MANIFEST_FILE), 'utf8'), MANIFEST_FILE));
    expect(read).toEqual(manifest);
    expect(readdirSync(chosen.out).sort()).toEqual(
      [MANIFEST_FILE, ...manifest.files.map(({ path }) => path)].sort(),
    );
    for (const { path, sizeBytes, sha256 } of manifest.files) {
      const bytes = readFileSync(join(chosen.out, path));
      expect(bytes.length).toBe(sizeBytes);
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
    }
    const { bundleId, ...content } = manifest;
    expect(createHash('sha256').update(manifestIdentityText(content)).digest('hex')).toBe(bundleId);
  });

  it('tells of every level its share and its perplexity on text that calibration has not seen', async () => {
    const manifest = unwrap(await elasticize(options()));
    expect(manifest.levels.map(({ level }) => level)).toEqual([20, 30, 40, 50, 60, 70, 80, 90, 100]);
    for (const { quality } of manifest.levels) {
      expect(quality?.perplexity).toBeGreaterThan(1);
      expect(quality?.tokens).toBeGreaterThan(100);
      expect(quality?.text).not.toBe(manifest.madeBy.calibration);
    }
    expect(manifest.madeBy.source.sha256).toBe(tinySourceModel({ seed: 6 }).sha256);
  });

  it('made twice from the same model has the same weights and graphs', async () => {
    const [first, second] = [unwrap(await elasticize(options())), unwrap(await elasticize(options()))];
    expect(second.files).toEqual(first.files);
    const other = unwrap(await elasticize(options({ model: tinySourceModel({ seed: 7 }) })));
    expect(other.files).not.toEqual(first.files);
  });

  it('as the uncut model has one level and gates nothing', async () => {
    const manifest = unwrap(await elasticize(options({ single: true })));
    expect(manifest.levels).toHaveLength(1);
    expect(manifest.alwaysOn).toBe(manifest.segments.length);
  });

  it('cut finer has more segments', async () => {
    const coarse = unwrap(await elasticize(options({ segmentsPerLayer: 2 })));
    const fine = unwrap(await elasticize(options({ segmentsPerLayer: 8 })));
    expect(fine.segments.length).toBeGreaterThan(coarse.segments.length);
  });
});

describe('elasticizing', () => {
  it('reports progress that only grows and ends at the whole', async () => {
    const seen: Progress[] = [];
    unwrap(await elasticize(options(), (progress) => seen.push(progress)));
    const fractions = seen.map(({ fraction }) => fraction);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
    expect(new Set(seen.map(({ stage }) => stage)).size).toBeGreaterThan(2);
  });

  it.each(['importance', 'write weights', 'measure quality'])(
    'cancelled during "%s" leaves nothing, and an older bundle whole',
    async (stage) => {
      const chosen = options();
      const before = unwrap(await elasticize(chosen));
      const abort = new AbortController();
      const result = await elasticize(
        { ...chosen, variant: 'q8' },
        (progress) => progress.stage === stage && progress.fraction > 0 && abort.abort(),
        abort.signal,
      );
      expect(result).toMatchObject({ ok: false, failure: { code: 'cancelled' } });
      expect(readdirSync(dirname(chosen.out))).toEqual(['bundle']);
      const after = unwrap(
        parseManifest(readFileSync(join(chosen.out, MANIFEST_FILE), 'utf8'), MANIFEST_FILE),
      );
      expect(after.bundleId).toBe(before.bundleId);
    },
  );

  it('replaces an older bundle', async () => {
    const chosen = options();
    unwrap(await elasticize(chosen));
    unwrap(await elasticize({ ...chosen, variant: 'f32' }));
    expect(readFileSync(join(chosen.out, MANIFEST_FILE), 'utf8')).toContain('"variant": "f32"');
    expect(readdirSync(dirname(chosen.out))).toEqual(['bundle']);
  });

  it('refuses a folder that holds something else', async () => {
    const chosen = options();
    mkdirSync(chosen.out);
    writeFileSync(join(chosen.out, 'thesis.txt'), 'do not lose me');
    const result = await elasticize(chosen);
    expect(result).toMatchObject({ ok: false, failure: { code: 'output-taken' } });
    expect(existsSync(join(chosen.out, 'thesis.txt'))).toBe(true);
  });

  it('refuses a place where it may not write', async () => {
    const blocked = join(temporaryFolder(), 'file');
    writeFileSync(blocked, '');
    const result = await elasticize(options({ out: join(blocked, 'bundle') }));
    expect(result).toMatchObject({ ok: false, failure: { code: 'output-unwritable' } });
  });
});
