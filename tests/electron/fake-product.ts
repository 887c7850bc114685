import { createHash } from 'node:crypto';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BundleManifest, bundleManifestSchema } from '../../core/bundle-manifest.ts';

const here = dirname(fileURLToPath(import.meta.url));

async function write(path: string, content: string | Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

/** A stand-in for dist/agent and node_modules/onnxruntime-node, small and quick to push. */
export async function makeFakeAgentFiles(
  folder: string,
): Promise<{ agentDir: string; onnxruntimeDir: string }> {
  const agentDir = join(folder, 'agent');
  await cp(join(here, 'fake-agent'), agentDir, { recursive: true });
  const onnxruntimeDir = join(folder, 'node_modules', 'onnxruntime-node');
  for (const platform of ['x64', 'arm64'])
    await write(
      join(onnxruntimeDir, `bin/napi-v6/linux/${platform}/onnxruntime_binding.node`),
      Buffer.alloc(2_000_000, 7),
    );
  await write(
    join(onnxruntimeDir, 'package.json'),
    '{"name":"onnxruntime-node","version":"0.0.0","main":"dist/index.js"}',
  );
  await write(join(onnxruntimeDir, 'dist/index.js'), '');
  await write(join(onnxruntimeDir, 'dist/index.d.ts'), '');
  const common = join(folder, 'node_modules', 'onnxruntime-common');
  await write(join(common, 'package.json'), '{"name":"onnxruntime-common","main":"dist/cjs/index.js"}');
  await write(join(common, 'dist/cjs/index.js'), '');
  return { agentDir, onnxruntimeDir };
}

/** A bundle folder whose manifest is valid and whose files hold nothing that runs. */
export async function makeFakeBundle(folder: string, name: string): Promise<BundleManifest> {
  const contents: Record<string, string> = {
    'graph.onnx': `graph of ${name}`,
    'conditional.onnx': 'conditional',
    'weights.bin': `weights of ${name} `.repeat(20_000),
    'tokenizer.json': '{}',
  };
  for (const [path, content] of Object.entries(contents)) await write(join(folder, path), content);
  const files = Object.entries(contents).map(([path, content]) => ({
    path,
    sizeBytes: Buffer.byteLength(content),
    sha256: createHash('sha256').update(content).digest('hex'),
  }));
  const manifest = bundleManifestSchema.parse({
    schemaVersion: 1,
    bundleId: createHash('sha256').update(name).digest('hex'),
    name,
    variant: 'f32',
    model: {
      architecture: 'llama',
      hiddenSize: 8,
      layers: 1,
      heads: 1,
      kvHeads: 1,
      headDim: 8,
      ffnSize: 8,
      vocabSize: 8,
      contextLength: 64,
      ropeTheta: 10_000,
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
      zeroRow: 'graph.onnx',
      conditional: 'conditional.onnx',
      weights: 'weights.bin',
      firstTokenAlone: false,
    },
    segments: [{ layer: 0, kind: 'mlp', unitStart: 0, units: 8, params: 192 }],
    ranking: [0],
    alwaysOn: 0,
    levels: [{ level: 100, prefix: 1, decoderRatio: 1, totalRatio: 1 }],
    files,
    licence: { spdx: 'Apache-2.0', notice: '' },
    madeBy: {
      tool: 'test',
      version: '0',
      command: '',
      source: { name: 'none', sha256: '0'.repeat(64), format: 'none' },
      importance: 'none',
      calibration: 'none',
      seed: 0,
    },
  });
  await write(join(folder, 'manifest.json'), JSON.stringify(manifest));
  return manifest;
}
