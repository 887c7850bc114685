import { APPS } from '../../../core/app.ts';
import { LEVELS } from '../../../core/level.ts';
import { PROMPT_LEVELS } from '../../../core/prompt-level.ts';
import { proposedStrategy, tlmInputs } from '../../../core/tlm.ts';
import { TlmRunner, type TrainedTlm } from '../tlm-runner.ts';
import { guarded, type DecisionDevice } from './decision-device.ts';
import { probabilityTable, type LabelledRequest } from './labelled-request.ts';
import { strategyQuality } from './strategy-quality.ts';

export interface DecisionJudgement {
  /** Mean probability of the right choice under what the guard lets run. */
  readonly probability: number;
  /** Share of proposals that the guard let pass. */
  readonly passed: number;
}

/**
 * What a decision head's choices come to on requests whose outcomes are known, under the six apps' SLOs; between the
 * measured strategies interpolated.
 *
 * @param known requests whose mean is the guard's table of qualities
 */
export async function judgeDecisions(
  { device, ...tlm }: TrainedTlm & { readonly device: DecisionDevice },
  judged: readonly LabelledRequest[],
  known: readonly LabelledRequest[],
  signal?: AbortSignal,
): Promise<DecisionJudgement> {
  const quality = strategyQuality(known);
  const runner = await TlmRunner.open(tlm);
  let [probability, passed, count] = [0, 0, 0];
  try {
    for (const own of judged) {
      const { prompt } = own.request;
      const table = probabilityTable(own);
      for (const { slo } of APPS) {
        signal?.throwIfAborted();
        const ratios = { ttft: slo.ttft ?? null, tpot: slo.tpot ?? null };
        const said = await runner.run(tlmInputs(tlm.config, prompt.tokens, prompt.words, ratios));
        const proposed = proposedStrategy(said.promptLogits, said.levelLogits, device.levels);
        const { promptLevel, modelLevel } = guarded(device, prompt, slo, proposed, quality);
        const row = PROMPT_LEVELS.findIndex((level) => Math.abs(level - promptLevel) < 1e-6);
        probability += table[row]?.[LEVELS.indexOf(modelLevel)] ?? 0;
        passed += promptLevel === proposed.promptLevel && modelLevel === proposed.modelLevel ? 1 : 0;
        count++;
      }
    }
  } finally {
    await runner.close();
  }
  return { probability: probability / Math.max(1, count), passed: passed / Math.max(1, count) };
}
