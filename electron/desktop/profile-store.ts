import { join } from 'node:path';
import { type LatencyProfile, latencyProfileSchema } from '../../core/latency-profile.ts';
import { readJsonFile, writeFileAtomic } from '../files/atomic-file.ts';

/** Latency profiles per device and bundle, for comparison when the phone is not there. */
export interface ProfileStore {
  read(serial: string, bundleId: string): Promise<LatencyProfile | null>;
  /** @throws when the state folder can't be written. */
  save(serial: string, profile: LatencyProfile): Promise<void>;
}

export function openProfileStore(folder: string): ProfileStore {
  const fileOf = (serial: string, bundleId: string): string =>
    join(folder, `${serial.replace(/[^\w.-]/g, '_')}-${bundleId.slice(0, 32).replace(/[^\w-]/g, '_')}.json`);
  return {
    read: async (serial, bundleId) => {
      const read = await readJsonFile(fileOf(serial, bundleId), latencyProfileSchema.nullable(), null);
      return read.ok ? read.value : null;
    },
    save: (serial, profile) =>
      writeFileAtomic(fileOf(serial, profile.bundleId), `${JSON.stringify(profile, null, 2)}\n`),
  };
}
