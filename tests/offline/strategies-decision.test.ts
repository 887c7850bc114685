import { describe, expect, it } from 'vitest';
import { LEVELS } from '../../core/level.ts';
import { tlmLayout, proposedStrategy, tlmInputs } from '../../core/tlm.ts';
import { trainDecisionHead, type DecisionTraining } from '../../offline/tlm/decision/train-decision-head.ts';
import { EmbeddingRows } from '../../offline/tlm/embedding-rows.ts';
import { tinySourceModel } from '../../offline/sources/tiny-model.ts';
import { LABEL_GRID, strategiesOf } from '../../offline/tlm/strategies/index.ts';
import type { LabelledRequest } from '../../offline/tlm/decision/labelled-request.ts';
import { initialTlmParameters } from '../../offline/tlm/tlm-parameters.ts';
import { TlmRunner } from '../../offline/tlm/tlm-runner.ts';
import { TINY_TLM_CONFIG } from '../../offline/tlm/tiny-tlm.ts';
import { lawfulProfile } from './support/strategy-situations.ts';
import { temporaryFolder } from './support/test-files.ts';

const embedding = EmbeddingRows.of(tinySourceModel({ seed: 3 }));

/** Two sets that want opposite things: one small levels, the other large ones. */
function labelled(set: 'small' | 'large', index: number): LabelledRequest {
  const tokens = Array.from({ length: 40 }, (_, i) => (set === 'small' ? 20 : 120) + ((i * 5 + index) % 30));
  return {
    request: {
      id: `${set}${index}`,
      kind: 'multiple-choice',
      set,
      prompt: { tokens, words: Int32Array.from(tokens, (_, i) => (i < 36 ? i : -1)) },
      pieces: tokens.map(String),
      choices: [{ tokens: [1], bytes: 1 }],
      gold: 0,
    },
    outcomes: strategiesOf(LABEL_GRID).map(({ modelLevel }) => {
      const probability = set === 'small' ? 0.9 - modelLevel / 150 : 0.1 + modelLevel / 150;
      return { probability, logProbability: 0, right: probability > 0.5 };
    }),
  };
}

const requests = Array.from({ length: 5 }, (_, i) => [labelled('small', i), labelled('large', i)]).flat();

const training = (folder: string): DecisionTraining => ({
  config: TINY_TLM_CONFIG,
  embedding,
  parameters: initialTlmParameters(TINY_TLM_CONFIG, embedding.size, 1),
  labelled: requests,
  device: { levels: LEVELS, profile: lawfulProfile(), tlmShare: 0.02 },
  seed: 5,
  steps: { trial: 5, final: 160 },
  rules: [{ kind: 'soft-label', own: 0, set: 1 }, { kind: 'lightest-right' }],
  folder,
});

describe('decision head', () => {
  it('learns what each set wants, and ends the same when it is killed in between', async () => {
    const whole = await trainDecisionHead(training(temporaryFolder()));
    const runner = await TlmRunner.open({ config: TINY_TLM_CONFIG, embedding, parameters: whole.parameters });
    const proposedLevel = async ({ request }: LabelledRequest): Promise<number> => {
      const said = await runner.run(
        tlmInputs(TINY_TLM_CONFIG, request.prompt.tokens, request.prompt.words, { ttft: 1, tpot: 1 }),
      );
      return proposedStrategy(said.promptLogits, said.levelLogits, LEVELS).modelLevel;
    };
    expect(await proposedLevel(labelled('large', 9))).toBeGreaterThan(
      await proposedLevel(labelled('small', 9)),
    );
    await runner.close();

    const folder = temporaryFolder();
    const abort = new AbortController();
    await expect(
      trainDecisionHead(
        training(folder),
        ({ fraction }) => {
          if (fraction > 0.6) abort.abort();
        },
        abort.signal,
      ),
    ).rejects.toThrow();
    const resumed = await trainDecisionHead(training(folder));
    expect(resumed.parameters).toEqual(whole.parameters);
    expect(resumed.rule).toEqual(whole.rule);
    const { entries } = tlmLayout(TINY_TLM_CONFIG, embedding.size);
    const start = training(folder).parameters;
    for (const { name, offset, length } of entries)
      if (!name.startsWith('decision'))
        expect(whole.parameters.subarray(offset, offset + length)).toEqual(
          start.subarray(offset, offset + length),
        );
  }, 120_000);
});
