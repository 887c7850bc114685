import type { RequestRow } from '../live/request-row.ts';

/** Where something other than the decision head, or the profile, had its way; each with a mark of its own shape. */
export const INTERVENTIONS = {
  guard: {
    word: 'guard',
    text: 'The guard overruled the TLM: its proposal was predicted to miss the SLO.',
    /** In a square of 10 units: a shield. */
    path: 'M5 .8l3.8 1.3v3c0 2-1.5 3.4-3.8 4.2-2.3-.8-3.8-2.2-3.8-4.2v-3z',
  },
  'nothing-feasible': {
    word: 'nothing fits',
    text: 'No strategy was predicted to keep the SLO: the lightest was taken.',
    /** A ring with a bar through it. */
    path: 'M5 1a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM2.2 7.8l5.6-5.6',
  },
  lowered: {
    word: 'lowered',
    text: 'TPOT ran over its bound while tokens streamed: the guard lowered the level.',
    /** An arrow down to a line. */
    path: 'M5 .8v5.6M2.2 3.8L5 6.6l2.8-2.8M1.6 9h6.8',
  },
} as const;

export type Intervention = keyof typeof INTERVENTIONS;
export const INTERVENTION_IDS = Object.keys(INTERVENTIONS) as readonly Intervention[];

/** What was done to a request; empty where everything went as decided. */
export function interventionsOf(row: Pick<RequestRow, 'decision' | 'lowerings'>): Intervention[] {
  const found: Intervention[] = [];
  const by = row.decision?.decidedBy;
  if (by === 'guard' || by === 'nothing-feasible') found.push(by);
  if (row.lowerings.length > 0) found.push('lowered');
  return found;
}

/** The mark's explanation for one request, with the levels where it was lowered. */
export function interventionText(kind: Intervention, row: Pick<RequestRow, 'lowerings'>): string {
  const { text } = INTERVENTIONS[kind];
  if (kind !== 'lowered') return text;
  const steps = row.lowerings.map(
    ({ from, to, afterTokens }) => `${from} → ${to} % after ${afterTokens} tokens`,
  );
  return `${text} ${steps.join(', ')}.`;
}
