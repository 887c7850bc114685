// Bundles every process of the product into dist/ with esbuild, and the window with Vite.
import { build } from 'esbuild';
import { readdirSync, rmSync, existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const at = (...parts) => join(root, ...parts);

// ESM output in which CommonJS dependencies still find require, __dirname and __filename.
const esmBanner = {
  js: [
    "import { createRequire as __createRequire } from 'node:module';",
    "import { fileURLToPath as __toPath } from 'node:url';",
    "import { dirname as __dirnameOf } from 'node:path';",
    'const require = __createRequire(import.meta.url);',
    'const __filename = __toPath(import.meta.url);',
    'const __dirname = __dirnameOf(__filename);',
  ].join('\n'),
};
const node = { bundle: true, platform: 'node', target: 'node20', logLevel: 'warning', sourcemap: true };

/** Builds everything, or only the window (`window`) or only the Node side (`node`). */
export async function buildAll(only) {
  if (only !== 'window') {
    rmSync(at('dist', 'scripts'), { recursive: true, force: true });
    const commands = readdirSync(at('scripts')).filter((name) => name.endsWith('.ts'));
    const jobs = [
      build({
        ...node,
        format: 'esm',
        banner: esmBanner,
        external: ['onnxruntime-node', 'electron', 'node-llama-cpp'],
        entryPoints: commands.map((name) => at('scripts', name)),
        outdir: at('dist', 'scripts'),
        outExtension: { '.js': '.mjs' },
      }),
    ];
    // What runs on the phone: two files beside a node_modules that holds onnxruntime-node.
    if (existsSync(at('device-agent', 'main.ts')))
      jobs.push(
        build({
          ...node,
          sourcemap: false,
          format: 'esm',
          banner: esmBanner,
          external: ['onnxruntime-node'],
          entryPoints: {
            agent: at('device-agent', 'main.ts'),
            'engine-worker': at('device-agent', 'engine-worker.ts'),
          },
          outdir: at('dist', 'agent'),
          outExtension: { '.js': '.mjs' },
        }),
      );
    // A sandboxed preload must be CommonJS; main is too, so that the wiring tests can use an older Electron.
    if (existsSync(at('electron', 'main.ts')))
      jobs.push(
        build({
          ...node,
          target: 'node16',
          format: 'cjs',
          external: ['electron'],
          entryPoints: [at('electron', 'main.ts'), at('electron', 'preload.ts')],
          outdir: at('dist', 'electron'),
          outExtension: { '.js': '.cjs' },
        }),
      );
    await Promise.all(jobs);
  }
  if (only !== 'node' && existsSync(at('renderer', 'index.html'))) {
    const vite = await import('vite');
    await vite.build({ configFile: at('vite.config.ts'), logLevel: 'warn' });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const startedAt = Date.now();
  await buildAll(process.argv[2]);
  process.stderr.write(`built dist/ in ${((Date.now() - startedAt) / 1000).toFixed(1)} s\n`);
}
