import type { Device } from '../../core/device.ts';
import type { PhoneLink } from '../adb/phone-link.ts';
import type { ReadyPack, RuntimePacks } from '../packs/runtime-packs.ts';
import { failedFinding, type Finding } from './finding.ts';

/** Which runtime pack a phone gets, why, and whether it can be had; nothing is fetched. */
export async function checkRuntimePack(
  { link, packs }: { readonly link: PhoneLink; readonly packs: RuntimePacks },
  device: Device,
): Promise<Finding> {
  const chosen = await packs.choose(device);
  if (!chosen.ok) return failedFinding(chosen);
  const { name, why } = chosen.value;
  const reason = `${name}: ${why}`;
  const kept = await packs.kept(device);
  if (kept.ok)
    return name === 'host'
      ? checkHostNode(link, device, reason)
      : { status: 'ok', text: `${reason}; ${contents(kept.value)}` };
  return name === 'glibc-arm64' && kept.failure.code === 'pack-missing'
    ? { status: 'ok', text: `${reason}; not on this computer yet, the first start assembles it` }
    : { ...failedFinding(kept), text: `${reason}; ${kept.failure.message}` };
}

function contents({ pack }: ReadyPack): string {
  const sizeBytes = pack.files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const { node, onnxruntime, providers } = pack;
  return `Node ${node}, ONNX Runtime ${onnxruntime} with ${providers.join(', ')}, ${(sizeBytes / 1e6).toFixed(0)} MB; untested on a real phone`;
}

async function checkHostNode(link: PhoneLink, { serial }: Device, reason: string): Promise<Finding> {
  const output = await link.shell(serial, 'command -v node > /dev/null && node --version');
  if (!output.ok) return failedFinding(output);
  return output.value.exitCode === 0
    ? { status: 'ok', text: `${reason}, ${output.value.stdout.trim()}` }
    : {
        status: 'failed',
        text: `${reason}, but it has no \`node\` command`,
        remedy: 'Restart the virtual phone.',
      };
}
