import { describe, expect, it } from 'vitest';
import { unwrap } from '../../core/result.ts';
import { BUNDLE_SCHEMA_VERSION, parseManifest } from '../../core/bundle-manifest.ts';
import { gatedSegments, segmentsOnAt } from '../../core/elastic-graph.ts';

const hash = 'a'.repeat(64);
const file = (path: string) => ({ path, sizeBytes: 1, sha256: hash });

function manifest(): Record<string, unknown> {
  return {
    schemaVersion: BUNDLE_SCHEMA_VERSION,
    bundleId: hash,
    name: 'tiny',
    variant: 'f32',
    model: {
      architecture: 'llama',
      hiddenSize: 8,
      layers: 1,
      heads: 2,
      kvHeads: 1,
      headDim: 4,
      ffnSize: 8,
      vocabSize: 16,
      contextLength: 32,
      ropeTheta: 10000,
      rmsNormEps: 1e-5,
      tiedEmbedding: true,
    },
    tokenizer: {
      file: 'tokenizer.json',
      chatTemplate: '',
      bosTokenId: null,
      eosTokenIds: [0],
      addBos: false,
    },
    graph: {
      zeroRow: 'model.onnx',
      conditional: 'conditional.onnx',
      weights: 'weights.bin',
      firstTokenAlone: false,
    },
    segments: [
      { layer: 0, kind: 'attention', unitStart: 0, units: 1, params: 192 },
      { layer: 0, kind: 'mlp', unitStart: 0, units: 4, params: 96 },
      { layer: 0, kind: 'mlp', unitStart: 4, units: 4, params: 96 },
    ],
    ranking: [1, 2, 0],
    alwaysOn: 1,
    levels: [
      { level: 20, prefix: 1, decoderRatio: 0.25, totalRatio: 0.5 },
      { level: 100, prefix: 3, decoderRatio: 1, totalRatio: 1 },
    ],
    files: ['tokenizer.json', 'model.onnx', 'conditional.onnx', 'weights.bin'].map(file),
    licence: { spdx: 'Apache-2.0', notice: '' },
    madeBy: {
      tool: 'bungee',
      version: '0',
      command: '',
      source: { name: 's', sha256: hash, format: 'gguf' },
      importance: '',
      calibration: '',
      seed: 1,
    },
  };
}

/** With an adapter of rank 1 beside the MLP: 8 + 8 parameters and 8 of bias, 2 bytes each. */
function recovered(change: Record<string, unknown> = {}, sizeBytes = 48): Record<string, unknown> {
  const base = manifest();
  return {
    ...base,
    files: [...(base['files'] as object[]), { path: 'adapters.bin', sizeBytes, sha256: hash }],
    recovery: {
      file: 'adapters.bin',
      elementType: 'float16',
      sites: ['mlp'],
      rank: 1,
      bias: true,
      levels: [{ level: 20, offset: 0, lengthBytes: 48 }],
      method: 'test',
      ...change,
    },
  };
}

/** Levels with norms of their own: biases, two norms a layer and the final one, of 8 elements each. */
function withNorms(levels: readonly number[]): Record<string, unknown> {
  return recovered(
    {
      sites: [],
      rank: 0,
      norms: true,
      levels: levels.map((level, i) => ({ level, offset: i * 64, lengthBytes: 64 })),
    },
    128,
  );
}

describe('parseManifest', () => {
  it('takes a manifest with recovery adapters', () => {
    expect(parseManifest(JSON.stringify(recovered()), 'm')).toMatchObject({ ok: true });
  });

  it('takes a manifest whose levels all have norms of their own, and tells older ones to have none', () => {
    expect(unwrap(parseManifest(JSON.stringify(withNorms([20, 100])), 'm')).recovery?.norms).toBe(true);
    expect(unwrap(parseManifest(JSON.stringify(recovered()), 'm')).recovery?.norms).toBe(false);
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['a level without the norms that all others have', withNorms([20]), /level 100 has no norms of its own/],
    ['an adapters file that is not listed', recovered({ file: 'other.bin' }), /other\.bin is not listed/],
    ['an adapter that ends beyond its file', recovered({}, 47), /beyond the end/],
    ['an adapter of another size', recovered({ rank: 2 }), /must be 80/],
    [
      'an adapter for a level that is not there',
      recovered({ levels: [{ level: 60, offset: 0, lengthBytes: 48 }] }),
      /is no level/,
    ],
    ['a site that the engine cannot run', recovered({ sites: ['down'] }), /recovery\.sites/],
  ])('refuses %s', (_, input, message) => {
    const result = parseManifest(JSON.stringify(input), 'm');
    expect(result).toMatchObject({ ok: false, failure: { code: 'bundle-corrupt' } });
    expect(result.ok ? '' : result.failure.message).toMatch(message);
  });

  it('takes a whole manifest', () => {
    expect(parseManifest(JSON.stringify(manifest()), 'm').ok).toBe(true);
  });

  it.each<[string, string, (m: Record<string, unknown>) => unknown, RegExp]>([
    ['text that is no JSON', 'bundle-foreign', () => 'hello', /not JSON/],
    ['another program’s JSON', 'bundle-foreign', () => ({ name: 'x' }), /no schemaVersion/],
    ['a newer schema', 'bundle-newer', (m) => ({ ...m, schemaVersion: 3 }), /schema version 3/],
    [
      'a path that leaves the bundle',
      'bundle-corrupt',
      (m) => ({ ...m, files: [file('../x')] }),
      /files\.0\.path/,
    ],
    [
      'a file that is used but not listed',
      'bundle-corrupt',
      (m) => ({ ...m, files: [file('model.onnx')] }),
      /not listed/,
    ],
    [
      'a ranking with a segment twice',
      'bundle-corrupt',
      (m) => ({ ...m, ranking: [0, 0, 1] }),
      /exactly once/,
    ],
    [
      'a ranking of unknown segments',
      'bundle-corrupt',
      (m) => ({ ...m, ranking: [0, 1, 7] }),
      /does not exist/,
    ],
    [
      'levels that are not nested',
      'bundle-corrupt',
      (m) => ({
        ...m,
        levels: [
          { level: 20, prefix: 3, decoderRatio: 1, totalRatio: 1 },
          { level: 100, prefix: 2, decoderRatio: 1, totalRatio: 1 },
        ],
      }),
      /nested/,
    ],
    [
      'an unknown level',
      'bundle-corrupt',
      (m) => ({ ...m, levels: [{ level: 55, prefix: 3, decoderRatio: 1, totalRatio: 1 }] }),
      /unknown level/,
    ],
    ['a hash that is none', 'bundle-corrupt', (m) => ({ ...m, bundleId: 'xyz' }), /SHA-256/],
  ])('refuses %s with one line that names it', (_, code, change, message) => {
    const changed = change(manifest());
    const result = parseManifest(
      typeof changed === 'string' ? changed : JSON.stringify(changed),
      'b/manifest.json',
    );
    expect(result.ok).toBe(false);
    if (result.ok) return;
    expect(result.failure.code).toBe(code);
    expect(result.failure.message).toMatch(message);
    expect(result.failure.message).toContain('b/manifest.json');
    expect(result.failure.message).not.toContain('\n');
  });
});

describe('segment layout', () => {
  const parsed = parseManifest(JSON.stringify(manifest()), 'm');
  if (!parsed.ok) throw new Error(parsed.failure.message);
  const layout = parsed.value;

  it('gates every segment but the always-on front of the ranking, in file order', () => {
    expect(gatedSegments(layout)).toEqual([0, 2]);
  });

  it('turns on nested sets, never less than the always-on ones', () => {
    expect(segmentsOnAt(layout, 0)).toEqual([false, true, false]);
    expect(segmentsOnAt(layout, 2)).toEqual([false, true, true]);
    expect(segmentsOnAt(layout, 3)).toEqual([true, true, true]);
  });
});
