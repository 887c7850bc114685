import type { ProfileRequest } from '../../core/agent-api.ts';
import type { Device } from '../../core/device.ts';
import type { LatencyProfile } from '../../core/latency-profile.ts';
import type { Result } from '../../core/result.ts';
import type { AgentClient } from '../agent/agent-client.ts';
import { errorMessage } from '../files/atomic-file.ts';
import type { SessionServiceDeps } from './session-deps.ts';

/** Has the agent measure its phone and keeps the profile on this computer too; that failing is only noted. */
export async function measureProfile(
  client: AgentClient,
  mode: ProfileRequest['mode'],
  serial: string,
  device: Device | undefined,
  { profiles, onNote }: Pick<SessionServiceDeps, 'profiles' | 'onNote'>,
  signal: AbortSignal,
): Promise<Result<LatencyProfile>> {
  const measured = await client.measureProfile(
    {
      mode,
      serial,
      deviceModel: device?.model ?? '',
      virtual: device?.kind === 'virtual',
      temperatureC: device?.telemetry?.temperatureC ?? null,
    },
    signal,
  );
  if (!measured.ok) return measured;
  try {
    await profiles.save(serial, measured.value);
  } catch (error) {
    onNote('warning', `The profile could not be kept on this computer: ${errorMessage(error)}.`);
  }
  return measured;
}
