import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../../../', import.meta.url));

let builds = 0;

/** Bundles a file of the agent, see {@link buildForNode}. */
export function buildAgentFile(name: 'main' | 'engine-worker'): Promise<string> {
  return buildForNode(`device-agent/${name}.ts`, name === 'main' ? 'agent' : name);
}

/**
 * Bundles a program as the product's build does, into the cache below the project (so that onnxruntime-node is found
 * from there), each time into a folder of its own.
 *
 * @param entry path below the project.
 * @returns path of the module.
 */
export async function buildForNode(entry: string, name: string): Promise<string> {
  const outfile = `${root}.cache/test-agent/${process.pid}-${builds++}/${name}.mjs`;
  await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    logLevel: 'warning',
    external: ['onnxruntime-node'],
    banner: {
      js: [
        "import { createRequire as __createRequire } from 'node:module';",
        "import { fileURLToPath as __toPath } from 'node:url';",
        "import { dirname as __dirnameOf } from 'node:path';",
        'const require = __createRequire(import.meta.url);',
        'const __filename = __toPath(import.meta.url);',
        'const __dirname = __dirnameOf(__filename);',
      ].join('\n'),
    },
  });
  return outfile;
}
