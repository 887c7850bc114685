import type { Device } from '../../core/device.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { ChosenPack, PackName } from '../../core/runtime-pack.ts';

export interface PackSituation {
  readonly device: Pick<Device, 'kind' | 'abi'>;
  /** Android's name of this computer's processor. */
  readonly hostAbi: string;
  /** What the user asked for; null = Bungee chooses. */
  readonly wish: PackName | null;
  /** An `android` pack lies on this computer. */
  readonly hasAndroid: boolean;
}

const PHONE_ABI = 'arm64-v8a';

/** The pack that suits a phone. Failure `pack-none`: none suits it, or the one asked for does not. */
export function choosePack(situation: PackSituation): Result<ChosenPack> {
  const { device, hostAbi, wish, hasAndroid } = situation;
  const isHostPhone = device.kind === 'virtual' && (device.abi ?? hostAbi) === hostAbi;
  if (wish !== null) {
    const refusal = whyNot(wish, situation, isHostPhone);
    return refusal === null
      ? ok({ name: wish, why: 'asked for by --pack' })
      : fail('pack-none', `The runtime pack ${wish} does not suit this phone: ${refusal}.`);
  }
  if (isHostPhone) return ok({ name: 'host', why: 'the virtual phone runs this computer’s own Node' });
  if (device.abi !== PHONE_ABI)
    return fail(
      'pack-none',
      `There is no runtime pack for this phone’s processor (${device.abi ?? 'unknown'}).`,
      'Use a phone with a 64-bit ARM processor.',
    );
  if (device.kind === 'virtual')
    return ok({
      name: 'glibc-arm64',
      why: 'the virtual phone emulates a 64-bit ARM processor but not Android’s libraries; CPU only',
    });
  return hasAndroid
    ? ok({
        name: 'android',
        why: 'it was assembled on this computer and is the only one that can reach NNAPI',
      })
    : ok({
        name: 'glibc-arm64',
        why: 'no android pack was assembled on this computer (`npm run pack -- android`); CPU only',
      });
}

function whyNot(wish: PackName, { device }: PackSituation, isHostPhone: boolean): string | null {
  if (wish === 'host')
    return isHostPhone ? null : 'only a virtual phone with this computer’s processor has its Node';
  if (device.abi !== PHONE_ABI)
    return `it is for ${PHONE_ABI}, the phone has ${device.abi ?? 'no known processor'}`;
  if (device.kind === 'virtual' && wish !== 'glibc-arm64')
    return 'a virtual phone has none of Android’s libraries';
  return null;
}
