import type { Strategy } from '../../../core/strategy.ts';
import type { JudgedStrategy, Judgement } from './judge-request.ts';
import { FIXED_POLICIES, POLICIES } from './policies.ts';

/** What one contender comes to on one request under one SLO. */
export interface Value {
  /** 1 = right; a mean where the contender is one. */
  readonly accuracy: number;
  /** Probability of the right choice among the choices. */
  readonly probability: number;
  /** Log-probability of the right choice, nats per token. */
  readonly logProbability: number;
  /** 1 = the strategy keeps both bounds by the profile. */
  readonly kept: number;
  /** Right, and kept. */
  readonly goodput: number;
}

/** Mean of a contender over requests, or over requests and SLOs, with its standard error over requests. */
export interface ContenderFigures {
  readonly accuracy: number;
  readonly stderr: number;
  readonly probability: number;
  readonly logProbability: number;
  readonly attainment: number;
  /** Share of requests that were right within their SLO. */
  readonly accuracyWithinSlo: number;
}

export type Figures = Readonly<Record<string, ContenderFigures>>;

function valueOf({ right, probability, logProbability, kept }: JudgedStrategy): Value {
  const accuracy = right ? 1 : 0;
  return { accuracy, probability, logProbability, kept: kept ? 1 : 0, goodput: kept ? accuracy : 0 };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function combined(values: readonly Value[], by: (numbers: readonly number[]) => number): Value {
  return {
    accuracy: by(values.map(({ accuracy }) => accuracy)),
    probability: by(values.map(({ probability }) => probability)),
    logProbability: by(values.map(({ logProbability }) => logProbability)),
    kept: by(values.map(({ kept }) => kept)),
    goodput: by(values.map(({ goodput }) => goodput)),
  };
}

function meanValue(values: readonly Value[]): Value {
  return combined(values, mean);
}

function keyOf({ promptLevel, modelLevel }: Strategy): string {
  return `${promptLevel.toFixed(1)} ${modelLevel}`;
}

/**
 * The best single strategy of a request's set under the SLO, as the set's other requests tell (mean probability of the
 * right answer): what can be known of a set, without the luck of the best of many draws.
 *
 * @param others judgements of the same set and SLO
 */
export function hindsightValue(own: Judgement, others: readonly Judgement[]): Value {
  const seen = new Map<string, number[]>();
  for (const other of others)
    if (other.request !== own.request)
      for (const { strategy, probability } of other.feasible) {
        const key = keyOf(strategy);
        seen.set(key, [...(seen.get(key) ?? []), probability]);
      }
  let best: { readonly cell: JudgedStrategy; readonly worth: number } | null = null;
  for (const cell of own.feasible) {
    const worth = seen.get(keyOf(cell.strategy));
    if (worth !== undefined && (best === null || mean(worth) > best.worth))
      best = { cell, worth: mean(worth) };
  }
  return best === null ? randomValue(own) : valueOf(best.cell);
}

/** Expected value of a strategy drawn from the feasible ones; no draw is made. */
export function randomValue({ feasible }: Pick<Judgement, 'feasible'>): Value {
  return meanValue(feasible.map(valueOf));
}

/** Any feasible strategy right: of the sampled ones and of those that a policy took. */
export function oracleValue({ feasible, policies, selectors }: Judgement): Value {
  const taken = [...Object.values(policies), ...Object.values(selectors)].filter(({ kept }) => kept);
  return combined([...feasible, ...taken].map(valueOf), (numbers) => Math.max(...numbers));
}

/** Every contender's value on one request. */
export function valuesOf(own: Judgement, ofSet: readonly Judgement[]): Record<string, Value> {
  const values: Record<string, Value> = {};
  for (const policy of POLICIES) values[policy] = valueOf(own.policies[policy]);
  values['random'] = randomValue(own);
  values['oracle'] = oracleValue(own);
  values['hindsight'] = hindsightValue(own, ofSet);
  for (const [name, judged] of Object.entries(own.selectors)) values[`words: ${name}`] = valueOf(judged);
  return values;
}

function standardError(values: readonly number[]): number {
  const n = values.length;
  if (n < 2) return 0;
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (n - 1) / n);
}

function figuresOf(rows: readonly Readonly<Record<string, Value>>[]): Figures {
  const figures: Record<string, ContenderFigures> = {};
  for (const name of Object.keys(rows[0] ?? {})) {
    const values = rows.flatMap((row) => row[name] ?? []);
    const { accuracy, probability, logProbability, kept, goodput } = meanValue(values);
    figures[name] = {
      accuracy,
      stderr: standardError(values.map((value) => value.accuracy)),
      probability,
      logProbability,
      attainment: kept,
      accuracyWithinSlo: goodput,
    };
  }
  return figures;
}

/** Share of the way from random feasible to a goal; null where there is no way. */
export function gapClosed(trained: number, random: number, goal: number): number | null {
  return goal - random > 1e-9 ? (trained - random) / (goal - random) : null;
}

export interface StrategiesSummary {
  readonly requests: number;
  /** In the order of the SLOs given. */
  readonly perSlo: readonly Figures[];
  /** Over all SLOs; each request counts once. */
  readonly average: Figures;
  /** Over all SLOs. */
  readonly perSet: Readonly<Record<string, { readonly requests: number; readonly figures: Figures }>>;
  /** The fixed policy of the best average accuracy within the SLO, and by how much the trained TLM is ahead of it. */
  readonly bestFixed: {
    readonly policy: string;
    readonly aheadBy: number;
    /** Of the paired differences. */
    readonly stderr: number;
  };
  /** (trained - random) / (goal - random), of average accuracies. */
  readonly gapClosed: { readonly toOracle: number | null; readonly toHindsight: number | null };
}

const NOTHING: Value = { accuracy: 0, probability: 0, logProbability: 0, kept: 0, goodput: 0 };

function meanOverSlos(rows: readonly Readonly<Record<string, Value>>[]): Record<string, Value> {
  const means: Record<string, Value> = {};
  for (const name of Object.keys(rows[0] ?? {}))
    means[name] = meanValue(rows.map((row) => row[name] ?? NOTHING));
  return means;
}

/** @param bySlo judgements of the same requests under each SLO, in the same order. */
export function summarizeStrategies(bySlo: readonly (readonly Judgement[])[]): StrategiesSummary {
  const rows = bySlo.map((judgements) =>
    judgements.map((own) =>
      valuesOf(
        own,
        judgements.filter(({ set }) => set === own.set),
      ),
    ),
  );
  const requests = bySlo[0] ?? [];
  const byRequest = requests.map((_, at) => meanOverSlos(rows.map((row) => row[at] ?? {})));
  const average = figuresOf(byRequest);
  const perSet: Record<string, { requests: number; figures: Figures }> = {};
  for (const set of new Set(requests.map((request) => request.set))) {
    const own = byRequest.filter((_, at) => requests[at]?.set === set);
    perSet[set] = { requests: own.length, figures: figuresOf(own) };
  }
  const accuracy = (name: string): number => average[name]?.accuracy ?? Number.NaN;
  const within = (name: string): number => average[name]?.accuracyWithinSlo ?? Number.NaN;
  const best = FIXED_POLICIES.reduce((a, b) => (within(b) > within(a) ? b : a));
  const ahead = byRequest.map((row) => (row['trained']?.goodput ?? 0) - (row[best]?.goodput ?? 0));
  return {
    requests: requests.length,
    perSlo: rows.map(figuresOf),
    average,
    perSet,
    bestFixed: { policy: best, aheadBy: mean(ahead), stderr: standardError(ahead) },
    gapClosed: {
      toOracle: gapClosed(accuracy('trained'), accuracy('random'), accuracy('oracle')),
      toHindsight: gapClosed(accuracy('trained'), accuracy('random'), accuracy('hindsight')),
    },
  };
}
