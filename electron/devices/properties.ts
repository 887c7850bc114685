import type { Device } from '../../core/device.ts';

/** `[key]: [value]` lines of `getprop`; a value may span lines. */
export function parseGetprop(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const match of text.matchAll(/^\[([^\]\n]+)\]: \[([\s\S]*?)\]\r?$/gm))
    found.set(match[1] ?? '', match[2] ?? '');
  return found;
}

export type DeviceIdentity = Pick<
  Device,
  'kind' | 'model' | 'androidVersion' | 'sdk' | 'abi' | 'soc' | 'systemBuild'
>;

/** What the device row shows, out of the phone's properties; null where a vendor leaves one out. */
export function deviceIdentity(properties: ReadonlyMap<string, string>): DeviceIdentity {
  const text = (key: string): string | null => {
    const value = properties.get(key);
    return value === undefined || value === '' ? null : value;
  };
  const sdk = Number(text('ro.build.version.sdk') ?? 'none');
  const model = text('ro.product.model');
  const maker = text('ro.product.manufacturer');
  const soc = text('ro.soc.model') ?? text('ro.hardware.chipname') ?? text('ro.board.platform');
  const socMaker = text('ro.soc.manufacturer');
  return {
    kind: text('ro.bungee.virtual') === '1' ? 'virtual' : 'physical',
    model:
      model === null || maker === null || model.toLowerCase().startsWith(maker.toLowerCase())
        ? model
        : `${maker} ${model}`,
    androidVersion: text('ro.build.version.release'),
    sdk: Number.isInteger(sdk) ? sdk : null,
    abi: text('ro.product.cpu.abilist')?.split(',')[0] ?? text('ro.product.cpu.abi'),
    soc: soc !== null && socMaker !== null && !soc.startsWith(socMaker) ? `${socMaker} ${soc}` : soc,
    systemBuild: text('ro.build.fingerprint'),
  };
}
