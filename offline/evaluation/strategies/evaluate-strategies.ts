import type { Slo } from '../../../core/slo.ts';
import { fail, ok, type Result } from '../../../core/result.ts';
import type { OnProgress } from '../../progress.ts';
import type { StrategyRequest } from '../../tlm/requests/strategy-request.ts';
import { judgeRequest, type JudgeMeans, type Judgement } from './judge-request.ts';

/**
 * Judges every request under every SLO.
 *
 * @returns judgements [slo][request]; failure `cancelled`
 */
export async function judgeStrategies(
  requests: readonly StrategyRequest[],
  slos: readonly Slo[],
  means: JudgeMeans,
  onProgress: OnProgress = () => undefined,
  signal?: AbortSignal,
): Promise<Result<Judgement[][]>> {
  const startedAtMs = performance.now();
  const bySlo: Judgement[][] = slos.map(() => []);
  try {
    for (const [done, request] of requests.entries()) {
      for (const [at, slo] of slos.entries())
        bySlo[at]?.push(await judgeRequest(request, slo, means, signal));
      const fraction = (done + 1) / requests.length;
      const seconds = (performance.now() - startedAtMs) / 1000;
      onProgress({
        stage: `strategies on ${request.set}`,
        fraction,
        etaSeconds: (seconds / fraction) * (1 - fraction),
      });
    }
  } catch (error) {
    if (signal?.aborted === true) return fail('cancelled', 'The evaluation was cancelled.');
    throw error;
  }
  return ok(bySlo);
}

/** One of each set in turn, so that an interrupted look at a run has seen them all. */
export function inTurn(requests: readonly StrategyRequest[]): StrategyRequest[] {
  const sets = [...new Set(requests.map(({ set }) => set))].map((set) =>
    requests.filter((request) => request.set === set),
  );
  const most = Math.max(0, ...sets.map(({ length }) => length));
  return Array.from({ length: most }, (_, at) => sets.flatMap((set) => set[at] ?? [])).flat();
}
