import type { DoctorCheck, Session } from '../../core/desktop-state.ts';
import type { ProviderProof, Simulation } from '../../core/provider-proof.ts';
import type { Result } from '../../core/result.ts';
import { checkOf, failedFinding, type Finding } from './finding.ts';
import { proofChecks } from './proof-checks.ts';

export interface AgentDoctorDeps {
  readonly session: () => Session | null;
  /** See `SessionService.prove`. */
  readonly prove: (simulate: Simulation | null) => Promise<Result<ProviderProof>>;
}

/**
 * What only the agent on the phone can tell: that it answers, and what the phone's providers do. Where none runs the
 * doctor says so; it starts none.
 */
export async function* agentChecks(
  { session, prove }: AgentDoctorDeps,
  inject: Simulation | null,
): AsyncGenerator<DoctorCheck> {
  yield checkOf('agent-reachable', 'Agent on the phone', reachable(session()));
  if (session()?.phase !== 'ready') {
    yield checkOf('providers', 'Execution providers', {
      status: 'skipped',
      text: 'only a running agent can prove them',
    });
    return;
  }
  const stored = inject === null ? (session()?.proof ?? null) : null;
  const proved: Result<ProviderProof> = stored === null ? await prove(inject) : { ok: true, value: stored };
  if (proved.ok) yield* proofChecks(proved.value);
  else yield checkOf('providers', 'Execution providers', failedFinding(proved));
}

function reachable(session: Session | null): Finding {
  if (session === null)
    return {
      status: 'skipped',
      text: 'none runs',
      remedy: 'Start a session: press Start in the window, or run `npm start`.',
    };
  const { phase, failure, health } = session;
  if (phase === 'ready' && health !== null) {
    const { model, variant, threads, runtime } = health;
    return {
      status: 'ok',
      text: `${model} (${variant}), ${threads} threads, Node ${runtime.node} (${runtime.arch}), runs on ${runtime.provider}`,
    };
  }
  return phase === 'failed' || phase === 'lost'
    ? { status: 'failed', text: failure?.message ?? phase, remedy: failure?.remedy ?? undefined }
    : { status: 'warning', text: `not ready: ${phase}` };
}
