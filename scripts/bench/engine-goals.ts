import { FULL_LEVEL, type Level } from '../../core/level.ts';
import type { LevelSamples, Measured } from './engine-samples.ts';

/** A figure held against what is to be reached; `reached` null = could not be measured. */
export interface Goal {
  readonly goal: string;
  readonly threads: number;
  readonly value: number | null;
  readonly limit: number;
  readonly better: 'smaller' | 'larger';
  readonly reached: boolean | null;
}

/** Holds a value against its limit. */
export function goal(
  text: string,
  threads: number,
  value: number | null,
  better: 'smaller' | 'larger',
  limit: number,
): Goal {
  const known = value !== null && Number.isFinite(value) ? value : null;
  const reached = known === null ? null : better === 'smaller' ? known <= limit : known >= limit;
  return { goal: text, threads, value: known, limit, better, reached };
}

export interface VariantMeasurement {
  readonly variant: string;
  readonly decoderRatios: ReadonlyMap<Level, number>;
  readonly elastic: Measured;
  readonly single: Measured;
  readonly switchMs: number;
}

function fullOf(measured: Measured): LevelSamples {
  const samples = measured.levels.get(FULL_LEVEL) ?? measured.levels.get(null);
  if (samples === undefined) throw new Error(`${measured.contender.name} has no full level`);
  return samples;
}

/** What one variant reaches at one thread count; ratios of medians of the same interleaved run. */
export function variantGoals(
  measurement: VariantMeasurement,
  promptLengths: readonly number[],
  threads: number,
): Goal[] {
  const { variant, elastic, single, decoderRatios, switchMs } = measurement;
  const full = fullOf(elastic);
  const alone = fullOf(single);
  const elasticBytes = elastic.contender.pssBytes();
  const singleBytes = single.contender.pssBytes();
  const smallest = Math.min(...promptLengths);
  const goals = [
    goal(
      `${variant}: memory (PSS) of all levels / of one full model`,
      threads,
      elasticBytes === null || singleBytes === null ? null : elasticBytes / singleBytes,
      'smaller',
      1.05,
    ),
    goal(
      `${variant}: switch / TTFT at ${smallest} tokens`,
      threads,
      switchMs / full.medianTtftMs(smallest),
      'smaller',
      0.001,
    ),
    goal(
      `${variant}: TPOT segmented / single`,
      threads,
      full.medianTpotMs() / alone.medianTpotMs(),
      'smaller',
      1.15,
    ),
  ];
  for (const tokens of promptLengths) {
    const fullMs = full.medianTtftMs(tokens);
    goals.push(
      goal(
        `${variant}: prefill ${tokens} segmented / single`,
        threads,
        fullMs / alone.medianTtftMs(tokens),
        'smaller',
        1.08,
      ),
    );
    for (const [level, samples] of elastic.levels) {
      const ratio = level === null ? undefined : decoderRatios.get(level);
      if (level === null || ratio === undefined || level === FULL_LEVEL) continue;
      const share = samples.medianTtftMs(tokens) / fullMs;
      goals.push(
        goal(
          `${variant}: TTFT of level ${level} / full at ${tokens} tokens`,
          threads,
          share,
          'smaller',
          ratio + 0.05,
        ),
      );
    }
  }
  return goals;
}

/** The fastest variant against llama.cpp: its Q4_1 (the file as published) and its best format. */
export function llamaGoals(
  variants: readonly VariantMeasurement[],
  llama: ReadonlyMap<string, Measured>,
  promptLengths: readonly number[],
  threads: number,
): Goal[] {
  const goals: Goal[] = [];
  const published = llama.get('Q4_1');
  for (const { variant, elastic } of variants) {
    const ours = fullOf(elastic);
    const others = [...llama.values()].map(fullOf);
    for (const tokens of promptLengths) {
      const oursMs = ours.medianTtftMs(tokens);
      if (published !== undefined)
        goals.push(
          goal(
            `${variant}: prefill ${tokens}, times llama.cpp Q4_1`,
            threads,
            fullOf(published).medianTtftMs(tokens) / oursMs,
            'larger',
            4,
          ),
        );
      const best = Math.min(...others.map((samples) => samples.medianTtftMs(tokens)));
      goals.push(
        goal(`${variant}: prefill ${tokens}, times llama.cpp's best`, threads, best / oursMs, 'larger', 1.6),
      );
    }
    const bestTpot = Math.min(...others.map((samples) => samples.medianTpotMs()));
    goals.push(
      goal(
        `${variant}: decode, times llama.cpp's best`,
        threads,
        bestTpot / ours.medianTpotMs(),
        'larger',
        1,
      ),
    );
  }
  return goals;
}
