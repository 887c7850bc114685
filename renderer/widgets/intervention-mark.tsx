import { INTERVENTIONS, type Intervention } from '../format/intervention.ts';

/** The same shapes as on the level chart; always beside the word or with a hint. */
export function InterventionMark({ kind }: { readonly kind: Intervention }) {
  return (
    <svg className={`intervention-mark ${kind}`} viewBox="0 0 10 10" aria-hidden="true">
      <path d={INTERVENTIONS[kind].path} />
    </svg>
  );
}
