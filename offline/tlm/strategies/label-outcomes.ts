import type { StrategyRequest } from '../requests/strategy-request.ts';
import type { OnProgress } from '../../progress.ts';
import type { LabelledRequest } from '../decision/labelled-request.ts';
import type { OutcomeRunner } from './outcomes.ts';
import { LABEL_GRID, strategiesOf } from './strategy-table.ts';

/**
 * Runs every strategy of the label grid for every request, sets taking turns; what the runner's store has is not run
 * again. Rejects when the signal fires.
 *
 * @param scores by word index: the trained score head's
 */
export async function labelOutcomes(
  requests: readonly StrategyRequest[],
  scores: (request: StrategyRequest) => Promise<ArrayLike<number>>,
  runner: Pick<OutcomeRunner, 'outcomes'>,
  onProgress: OnProgress = () => undefined,
  signal?: AbortSignal,
): Promise<LabelledRequest[]> {
  const startedAtMs = performance.now();
  const strategies = strategiesOf(LABEL_GRID);
  const labelled: LabelledRequest[] = [];
  for (const request of requests) {
    const outcomes = await runner.outcomes(request, await scores(request), strategies, signal);
    labelled.push({ request, outcomes });
    const fraction = labelled.length / requests.length;
    const seconds = (performance.now() - startedAtMs) / 1000;
    onProgress({
      stage: `outcomes of ${request.set}`,
      fraction,
      etaSeconds: (seconds / fraction) * (1 - fraction),
    });
  }
  return labelled;
}
