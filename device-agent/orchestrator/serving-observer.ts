import type { Level } from '../../core/level.ts';
import type { Decision } from '../../core/strategy.ts';
import type { Served } from './request.ts';

export type Outcome = 'completed' | 'failed' | 'cancelled';

/** Told of what the orchestrator does; the metrics endpoint listens. */
export interface ServingObserver {
  /** A strategy was chosen; told before the run. */
  readonly onDecided: (decision: Decision) => void;
  readonly onLevel: (level: Level, switched: boolean) => void;
  /** The guard lowered the level inside of a request. */
  readonly onLowered: () => void;
  /** `served` is null when the request did not reach its end. */
  readonly onFinished: (outcome: Outcome, hasSlo: boolean, served: Served | null) => void;
}
