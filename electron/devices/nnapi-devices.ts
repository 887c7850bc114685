/**
 * NNAPI drivers that the system lists: AIDL ones in `service list` (Android 12 and later), HIDL ones in `lshal`.
 * `nnapi-reference`, NNAPI's own CPU device, is in neither list, and is no accelerator.
 */
export const SERVICES_COMMAND = 'service list | grep -E "Found|neuralnetworks"';
/** Slow on some phones, so asked only where the other list has none, and not for long. */
export const HIDL_COMMAND = 'service list | grep -q neuralnetworks || timeout 5 lshal | grep neuralnetworks';

const AIDL = /\bandroid\.hardware\.neuralnetworks\.IDevice\/([\w.-]+)/g;
const HIDL = /\bandroid\.hardware\.neuralnetworks@[\d.]+::IDevice\/([\w.-]+)/g;

/**
 * Names of the devices, each once, ascending. A HIDL driver is listed once per version that it speaks.
 *
 * @returns null where neither list could be read; empty where there are no drivers.
 */
export function parseNnapiDevices(services: string, hidl: string): string[] | null {
  const names = [...services.matchAll(AIDL), ...hidl.matchAll(HIDL)].map((match) => match[1] ?? '');
  if (names.length > 0) return [...new Set(names)].sort();
  return /^Found \d+ services/m.test(services) ? [] : null;
}
