import type { Level } from '../../core/level.ts';
import { seededRandom } from '../../core/random.ts';
import { median, summarize, type Summary } from '../../core/statistics.ts';
import type { ContenderProcess } from './contender-process.ts';

interface RequestTimes {
  readonly ttftMs: number;
  /** null = a single output token. */
  readonly tpotMs: number | null;
  readonly cpuMs: number;
}

/** Samples of one contender at one level. */
export class LevelSamples {
  readonly ttftMs = new Map<number, number[]>();
  readonly tpotMs: number[] = [];
  /** CPU time of the process, of requests with a single output token: steadier than TTFT on a busy computer. */
  readonly prefillCpuMs = new Map<number, number[]>();

  add(promptTokens: number, { ttftMs, tpotMs, cpuMs }: RequestTimes): void {
    const samples = this.ttftMs.get(promptTokens) ?? [];
    samples.push(ttftMs);
    this.ttftMs.set(promptTokens, samples);
    if (tpotMs !== null) this.tpotMs.push(tpotMs);
    else this.prefillCpuMs.set(promptTokens, [...(this.prefillCpuMs.get(promptTokens) ?? []), cpuMs]);
  }

  medianTtftMs(promptTokens: number): number {
    return median(this.ttftMs.get(promptTokens) ?? []);
  }

  medianTpotMs(): number {
    return median(this.tpotMs);
  }

  report(): {
    prefillMs: Record<string, Summary>;
    prefillCpuMs: Record<string, Summary>;
    tpotMs: Summary;
  } {
    const byTokens = (samples: ReadonlyMap<number, number[]>): Record<string, Summary> =>
      Object.fromEntries([...samples].map(([tokens, values]) => [String(tokens), summarize(values)]));
    return {
      prefillMs: byTokens(this.ttftMs),
      prefillCpuMs: byTokens(this.prefillCpuMs),
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
 * Measures all contenders in turn, round by round, so that drift of the machine meets all alike; each round
 * begins with another one. One round before the counted ones warms up. TPOT is measured after the shortest
 * prompt.
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
  const shortest = Math.min(...plan.promptLengths);
  for (let round = 0; round <= plan.rounds; round++) {
    for (const promptTokens of plan.promptLengths) {
      const prompt = promptOfLength(promptTokens, plan.vocabSize, round * 10_000 + promptTokens);
      const first = round % measured.length;
      for (const { contender, levels } of [...measured.slice(first), ...measured.slice(0, first)]) {
        for (const [level, samples] of levels) {
          signal.throwIfAborted();
          const decodes = promptTokens === shortest;
          const decodeTokens = decodes ? plan.decodeTokens : 1;
          const reply = await contender.ask({ op: 'measure', level, promptTokens: prompt, decodeTokens });
          if (round > 0) samples.add(promptTokens, { ...reply, tpotMs: decodes ? reply.tpotMs : null });
        }
      }
    }
    onRound(round);
  }
  return measured;
}
