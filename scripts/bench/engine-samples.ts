import type { Level } from '../../core/level.ts';
import { seededRandom } from '../../core/random.ts';
import { median, summarize, type Summary } from '../../core/statistics.ts';
import type { ContenderProcess } from './contender-process.ts';

/** Samples of one contender at one level. */
export class LevelSamples {
  readonly ttftMs = new Map<number, number[]>();
  readonly tpotMs: number[] = [];

  add(promptTokens: number, ttftMs: number, tpotMs: number): void {
    const samples = this.ttftMs.get(promptTokens) ?? [];
    samples.push(ttftMs);
    this.ttftMs.set(promptTokens, samples);
    this.tpotMs.push(tpotMs);
  }

  medianTtftMs(promptTokens: number): number {
    return median(this.ttftMs.get(promptTokens) ?? []);
  }

  medianTpotMs(): number {
    return median(this.tpotMs);
  }

  report(): { prefillMs: Record<string, Summary>; tpotMs: Summary } {
    return {
      prefillMs: Object.fromEntries(
        [...this.ttftMs].map(([tokens, samples]) => [String(tokens), summarize(samples)]),
      ),
      tpotMs: summarize(this.tpotMs),
    };
  }
}

export interface Measured {
  readonly contender: ContenderProcess;
  /** Key null = a contender with one level only. */
  readonly levels: ReadonlyMap<Level | null, LevelSamples>;
}

export interface RoundPlan {
  readonly promptLengths: readonly number[];
  readonly decodeTokens: number;
  readonly rounds: number;
  readonly vocabSize: number;
}

/** Token ids that are no special tokens, the same for every contender. */
function promptOfLength(length: number, vocabSize: number, seed: number): number[] {
  const random = seededRandom(seed);
  return [1, ...Array.from({ length: length - 1 }, () => 300 + Math.floor(random() * (vocabSize - 300)))];
}

/**
 * Measures all contenders in turn, round by round, so that drift of the machine meets all alike. One round
 * before the counted ones warms up.
 */
export async function measureInterleaved(
  contenders: readonly { readonly contender: ContenderProcess; readonly levels: readonly (Level | null)[] }[],
  plan: RoundPlan,
  onRound: (round: number) => void,
  signal: AbortSignal,
): Promise<Measured[]> {
  const measured = contenders.map(({ contender, levels }) => ({
    contender,
    levels: new Map(levels.map((level) => [level, new LevelSamples()])),
  }));
  for (let round = 0; round <= plan.rounds; round++) {
    for (const promptTokens of plan.promptLengths) {
      const prompt = promptOfLength(promptTokens, plan.vocabSize, round * 10_000 + promptTokens);
      for (const { contender, levels } of measured) {
        for (const [level, samples] of levels) {
          signal.throwIfAborted();
          const { decodeTokens } = plan;
          const reply = await contender.ask({ op: 'measure', level, promptTokens: prompt, decodeTokens });
          if (round > 0) samples.add(promptTokens, reply.ttftMs, reply.tpotMs);
        }
      }
    }
    onRound(round);
  }
  return measured;
}
