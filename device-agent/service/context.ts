import type { Health } from '../../core/agent-api.ts';
import type { BundleManifest } from '../../core/bundle-manifest.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { PromptEncoder } from '../host/prompt-encoder.ts';
import type { Orchestrator } from '../orchestrator/orchestrator.ts';
import type { ProfileService } from '../profiler/profile-service.ts';
import type { ProofService } from '../proof/proof-service.ts';
import type { EventLog } from '../telemetry/event-log.ts';
import type { AgentMetrics } from '../telemetry/metrics.ts';

/** What exists once the bundle is loaded. */
export interface LoadedAgent {
  readonly encoder: PromptEncoder;
  readonly orchestrator: Orchestrator;
  readonly profiles: ProfileService;
  readonly proofs: ProofService;
  /** To be called before the agent ends. */
  readonly stop: () => void;
}

/** What the routes work with; the service takes it as an argument, so that tests can pass their own. */
export interface ServiceContext {
  readonly token: string;
  readonly manifest: BundleManifest;
  readonly startedAt: Date;
  readonly events: EventLog;
  readonly metrics: AgentMetrics;
  readonly health: () => Health;
  /** null while loading and after a failure. */
  readonly loaded: () => LoadedAgent | null;
}

/** Failure `not-ready`, which says why. While a crashed engine is opened again requests wait in the queue. */
export function requireLoaded(context: ServiceContext): Result<LoadedAgent> {
  const loaded = context.loaded();
  const { status, failure } = context.health();
  if (loaded !== null && status !== 'failed') return ok(loaded);
  return fail(
    'not-ready',
    status === 'failed' ? `The agent cannot serve: ${failure ?? 'it failed'}` : 'The model is still loading.',
    status === 'failed' ? 'Restart the agent.' : 'Send the request again in a moment.',
  );
}
