import { Argument, Command } from 'commander';
import { FailureError, unwrap, type Result } from '../core/result.ts';
import { packNameSchema, type PackName, type RuntimePack } from '../core/runtime-pack.ts';
import { makeAndroidPack, makeTermuxPack } from '../electron/packs/android-pack.ts';
import { makeGlibcPack } from '../electron/packs/glibc-pack.ts';
import { hostPack, onnxruntimeVersion } from '../electron/packs/host-pack.ts';
import { listPacks, type ListedPack } from '../electron/packs/list-packs.ts';
import { openShelf } from '../electron/packs/parts/part-sources.ts';
import { keptPackDir } from '../electron/packs/runtime-packs.ts';
import { writePack, type PackContent } from '../electron/packs/write-pack.ts';
import { androidBinding } from './pack/android-binding.ts';
import { printJson, runCommand, say } from './shared/command-line.ts';
import { cacheFolder, onnxruntimeFolder } from './shared/folders.ts';

interface Flags {
  readonly list?: true;
  readonly out?: string;
  readonly json?: true;
  readonly debianPackages?: string;
  readonly termuxPackages?: string;
  readonly onnxruntimeAar?: string;
}

const program = new Command('pack')
  .description('Assemble what a phone needs to run the agent: Node, ONNX Runtime and their libraries.')
  .addArgument(new Argument('[name]', 'the pack').choices(packNameSchema.options))
  .option('--list', 'every pack with its parts: version, licence, size, SHA-256; nothing is fetched')
  .option('--out <dir>', 'folder for the pack (default: where the desktop looks for it)')
  .option('--debian-packages <dir>', 'folder with Debian’s arm64 packages, where there is no apt-get')
  .option('--termux-packages <dir>', 'folder with Termux’s aarch64 packages, for the android pack')
  .option(
    '--onnxruntime-aar <file>',
    'Microsoft’s onnxruntime-android AAR instead of the npm package’s library',
  )
  .option('--json', 'print one JSON line');

await runCommand(program, async (signal) => {
  const flags = program.opts<Flags>();
  const brought = { debian: flags.debianPackages ?? null, termux: flags.termuxPackages ?? null };
  const packsDir = cacheFolder('packs');
  if (flags.list === true) {
    const packs = await listPacks(packsDir, brought);
    if (flags.json === true) await printJson({ packs });
    else for (const pack of packs) sayPack(pack);
    return;
  }
  const name = packNameSchema.safeParse(program.args[0]);
  if (!name.success)
    throw new FailureError({
      code: 'usage',
      message: `Name a pack: ${packNameSchema.options.join(', ')}; or --list.`,
    });
  const shelf = openShelf(packsDir, brought, say);
  const startedAt = Date.now();
  const content = unwrap(await contentOf(name.data));
  const dir = flags.out ?? keptPackDir(packsDir, name.data);
  const pack = unwrap(await writePack(content, dir));
  const seconds = (Date.now() - startedAt) / 1000;
  const sizeBytes = pack.files.reduce((sum, file) => sum + file.sizeBytes, 0);
  if (flags.json === true) await printJson({ dir, sizeBytes, seconds, ...pack });
  else {
    say(`${dir}: ${describe(pack)}, ${(sizeBytes / 1e6).toFixed(1)} MB, ${seconds.toFixed(1)} s`);
    say(nextStep(pack, flags.out));
  }

  async function contentOf(wanted: PackName): Promise<Result<PackContent>> {
    const android = { shelf, aar: flags.onnxruntimeAar ?? null, buildBinding: androidBinding };
    switch (wanted) {
      case 'android':
        return makeAndroidPack(android, signal);
      case 'termux':
        return makeTermuxPack(android, signal);
      case 'host': {
        const host = await hostPack(onnxruntimeFolder());
        return host.ok ? { ok: true, value: { pack: host.value, files: [] } } : host;
      }
      case 'glibc-arm64': {
        const version = await onnxruntimeVersion(onnxruntimeFolder());
        if (!version.ok) return version;
        return makeGlibcPack(shelf, { dir: onnxruntimeFolder(), version: version.value }, signal);
      }
    }
  }
});

function describe({ name, node, onnxruntime, providers }: RuntimePack): string {
  return `${name}: Node ${node}, ONNX Runtime ${onnxruntime} (${providers.join(', ')})`;
}

function nextStep({ name }: RuntimePack, out: string | undefined): string {
  if (name === 'host') return 'Virtual phones take it by themselves.';
  const choice = out ?? (name === 'android' ? null : name);
  const start = `npm start -- --phone SERIAL${choice === null ? '' : ` --pack ${choice}`}`;
  return name === 'termux'
    ? `\`${start}\` pushes the agent and shows the line to paste in Termux.`
    : `\`${start}\` pushes it and starts the agent on it.`;
}

function sayPack({ name, can, parts, missing, assembled }: ListedPack): void {
  say(`${name}: ${can}`);
  for (const part of parts) {
    const size = part.sizeBytes === null ? '' : `, ${(part.sizeBytes / 1e6).toFixed(1)} MB`;
    const hash = part.sha256 === null ? '' : `, sha256 ${part.sha256}`;
    say(
      `  ${part.name} ${part.version ?? ''} (${part.source}; ${part.licence}${size}${hash}): ${part.state}`,
    );
  }
  if (missing.length > 0) say(`  can't be assembled here: nothing gives ${missing.join(', ')}`);
  if (assembled !== null) say(`  assembled: ${assembled.dir}, ${(assembled.sizeBytes / 1e6).toFixed(1)} MB`);
}
