import type { Session } from '../../core/desktop-state.ts';
import type { Device } from '../../core/device.ts';
import type { ProofRequestInput } from '../../core/provider-proof.ts';
import type { AgentClient } from '../agent/agent-client.ts';

/** What the agent is told of its phone for a proof: it can't ask the system itself everywhere. */
export function proofRequest(serial: string, device: Device | undefined): ProofRequestInput {
  return {
    serial,
    deviceModel: device?.model ?? '',
    virtual: device?.kind === 'virtual',
    systemBuild: device?.systemBuild ?? '',
    // The virtual phone's level is made up, and so would be what followed from it.
    sdk: device?.kind === 'physical' ? device.sdk : null,
    nnapiDevices: device?.hardware?.nnapiDevices ?? null,
  };
}

/**
 * Proves the providers of a phone that comes up, unless the stored proof still holds. One that can't be proved serves
 * on the CPU: a note, no failure of the start.
 *
 * @returns what changes of the session.
 */
export async function proveProviders(
  client: AgentClient,
  request: ProofRequestInput,
  signal: AbortSignal,
  onNote: (severity: 'warning', text: string) => void,
): Promise<Partial<Pick<Session, 'proof' | 'health'>>> {
  const proved = await client.prove(request, signal);
  if (!proved.ok) {
    if (!signal.aborted)
      onNote(
        'warning',
        `The phone’s execution providers are not proved, the CPU serves: ${proved.failure.message}`,
      );
    return {};
  }
  // What runs each phase follows the proof.
  const health = await client.health(signal);
  return { proof: proved.value, ...(health.ok ? { health: health.value } : {}) };
}
