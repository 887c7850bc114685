import { compressPrompt } from '../../../core/compress-prompt.ts';
import type { Level } from '../../../core/level.ts';
import type { Strategy } from '../../../core/strategy.ts';
import type { LogitsSource } from '../../evaluation/logits-source.ts';
import type { StrategyRequest } from '../requests/strategy-request.ts';
import { choiceValues, judgeValues, type Outcome } from './choice-values.ts';
import type { OutcomeStore } from './outcome-store.ts';

/** Levels to answer with; those of a bundle share one session. */
export type LevelSources = readonly { readonly level: Level; readonly source: LogitsSource }[];

/** What strategies make of requests, measured once each. */
export class OutcomeRunner {
  readonly #levels: LevelSources;
  readonly #store: OutcomeStore;

  constructor(levels: LevelSources, store: OutcomeStore) {
    this.#levels = levels;
    this.#store = store;
  }

  /**
   * The outcome of a strategy. Two prompt levels that keep the same tokens are one run.
   *
   * @param scores by word index, the larger the more worth keeping
   */
  async outcome(
    request: StrategyRequest,
    scores: ArrayLike<number>,
    { promptLevel, modelLevel }: Strategy,
  ): Promise<Outcome> {
    const source = this.#levels.find(({ level }) => level === modelLevel)?.source;
    if (source === undefined) throw new RangeError(`no level ${modelLevel}`);
    const tokens = compressPrompt(request.prompt, scores, promptLevel).map(
      (at) => request.prompt.tokens[at] as number,
    );
    const choices = request.choices.map((choice) => choice.tokens);
    const values = await this.#store.once({ level: modelLevel, tokens, choices }, () =>
      choiceValues(source, tokens, choices),
    );
    return judgeValues(values, request.gold);
  }

  /** As {@link outcome}, for several strategies, one after the other; rejects when the signal fires. */
  async outcomes(
    request: StrategyRequest,
    scores: ArrayLike<number>,
    strategies: readonly Strategy[],
    signal?: AbortSignal,
  ): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const strategy of strategies) {
      signal?.throwIfAborted();
      outcomes.push(await this.outcome(request, scores, strategy));
    }
    return outcomes;
  }
}
