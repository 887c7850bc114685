import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { latencyProfileSchema, type LatencyProfile } from '../../core/latency-profile.ts';
import { parseJsonWith } from '../../core/parse.ts';
import { unwrap } from '../../core/result.ts';
import { writeFileAtomic } from '../../electron/files/atomic-file.ts';
import type { TlmShare } from '../../offline/evaluation/strategies/index.ts';
import { readProfile } from '../shared/read-profile.ts';

const keptSchema = z.object({
  profile: latencyProfileSchema.nullable(),
  share: z.object({ points: z.array(z.object({ promptTokens: z.number(), share: z.number() })).min(1) }),
});

export interface MeasuredDevice {
  readonly profile: LatencyProfile;
  /** The TLM's share of the full model's TTFT. */
  readonly share: TlmShare;
}

/**
 * What strategies cost: by the profile in a file, or as measured here. Measured once for a work folder, so that a
 * killed evaluation goes on with the same figures.
 */
export async function measuredDevice(
  options: { readonly work: string; readonly bundleId: string; readonly profile: string | undefined },
  measure: {
    readonly profile: () => Promise<LatencyProfile>;
    readonly share: () => Promise<TlmShare>;
  },
): Promise<MeasuredDevice> {
  const path = join(options.work, `device-${options.bundleId.slice(0, 16)}.json`);
  const read = existsSync(path) ? parseJsonWith(keptSchema, readFileSync(path, 'utf8'), path) : null;
  const kept = read?.ok === true ? read.value : null;
  const given = options.profile === undefined ? null : unwrap(readProfile(options.profile));
  const own = given === null ? (kept?.profile ?? (await measure.profile())) : (kept?.profile ?? null);
  const share = kept?.share ?? (await measure.share());
  await writeFileAtomic(path, `${JSON.stringify({ profile: own, share })}\n`);
  const profile = given ?? own;
  if (profile === null) throw new Error('neither given nor measured');
  return { profile, share };
}
