import { NextStepButton } from '../top/next-step-button.tsx';
import { useNextStep } from '../state/use-next-step.ts';
import { useShown } from '../state/shown-store.ts';
import { look } from '../state/view-store.ts';
import { Button } from '../widgets/button.tsx';

/** Why the table is empty, and the next step. */
export function TableEmpty({ filtered }: { readonly filtered: boolean }) {
  const step = useNextStep();
  const past = useShown((shown) => shown.mode === 'past');
  if (filtered)
    return (
      <div className="empty">
        <p>No request matches the selection and the filter.</p>
        <Button onClick={() => look({ filter: '', selection: null, app: null })}>Show all</Button>
      </div>
    );
  if (past) return <div className="empty">This run holds no request.</div>;
  return (
    <div className="empty">
      <ol className="steps" aria-label="Steps">
        <li className={stepClass(step.kind, 1)}>Phone</li>
        <li className={stepClass(step.kind, 2)}>Bundle</li>
        <li className={stepClass(step.kind, 3)}>Start</li>
      </ol>
      <p>{step.kind === 'running' ? 'The first request is on its way.' : step.hint}</p>
      {step.kind === 'running' || step.kind === 'wait' ? null : <NextStepButton />}
    </div>
  );
}

function stepClass(kind: ReturnType<typeof useNextStep>['kind'], step: number): string {
  const at = kind === 'wait' || kind === 'connect' ? 1 : kind === 'bundle' ? 2 : 3;
  return step < at ? 'step done' : step === at ? 'step now' : 'step';
}
