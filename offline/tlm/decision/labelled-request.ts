import type { Outcome } from '../strategies/choice-values.ts';
import {
  additive,
  interpolated,
  LABEL_GRID,
  meanTable,
  shrunkTowards,
  strategiesOf,
  type StrategyTable,
} from '../strategies/strategy-table.ts';
import type { StrategyRequest } from '../requests/strategy-request.ts';

/** A training request with what every strategy of the label grid made of it. */
export interface LabelledRequest {
  readonly request: StrategyRequest;
  /** Of `strategiesOf(LABEL_GRID)`. */
  readonly outcomes: readonly Outcome[];
}

/** Probability of the right answer under each strategy, between the measured ones interpolated. */
export function probabilityTable({ outcomes }: LabelledRequest): StrategyTable {
  return interpolated(
    LABEL_GRID,
    outcomes.map(({ probability }) => probability),
  );
}

/** How decision labels are made of outcomes. */
export type LabelRule =
  | {
      /** Cross entropy with soft labels, or expected reward, of what strategies are worth. */
      readonly kind: 'soft-label' | 'reward';
      /** Weight of the request's own table against its set's mean; 0 = the set's. */
      readonly own: number;
      /** Weight of the set's mean against that of all requests. */
      readonly set: number;
    }
  /** Cross entropy with the paper's label (§4.4). */
  | { readonly kind: 'lightest-right' };

/**
 * What each strategy is taken to be worth for each request: its own outcomes, shrunk towards what prompt and model
 * levels do in its set on the mean, and that towards the same of all. A small model's answer to one question is right by luck too often to be taken as it is.
 */
export function shrunkTables(
  labelled: readonly LabelledRequest[],
  { own, set }: { readonly own: number; readonly set: number },
): StrategyTable[] {
  const tables = labelled.map(probabilityTable);
  const all = additive(meanTable(tables));
  const bySet = new Map<string, StrategyTable>();
  for (const name of new Set(labelled.map(({ request }) => request.set))) {
    const mean = additive(meanTable(tables.filter((_, i) => labelled[i]?.request.set === name)));
    bySet.set(name, shrunkTowards(all, mean, set));
  }
  return labelled.map(({ request }, i) =>
    shrunkTowards(bySet.get(request.set) ?? all, tables[i] ?? all, own),
  );
}

/** Every strategy of the label grid whose answer was right; what the paper's rule looks at (§4.4). */
export function rightStrategies({ outcomes }: LabelledRequest): ReturnType<typeof strategiesOf> {
  return strategiesOf(LABEL_GRID).filter((_, i) => outcomes[i]?.right === true);
}
