import { doNextStep } from '../state/actions.ts';
import type { NextStep } from '../state/next-step.ts';
import { useNextStep } from '../state/use-next-step.ts';
import type { IconName } from '../widgets/icon.tsx';
import { Icon } from '../widgets/icon.tsx';
import { Hint } from '../widgets/term.tsx';

const ICONS: Readonly<Record<NextStep['kind'], IconName>> = {
  wait: 'play',
  connect: 'plus',
  bundle: 'plus',
  preparing: 'close',
  start: 'play',
  run: 'play',
  running: 'stop',
};

/** The primary button: connect, add, start, run or stop, whichever comes next. */
export function NextStepButton() {
  const step = useNextStep();
  const kind = step.kind === 'running' || step.kind === 'preparing' ? 'danger' : 'primary';
  return (
    <Hint text={step.hint}>
      <button
        type="button"
        className={`button next-step ${kind}`}
        disabled={step.kind === 'wait'}
        onClick={() => void doNextStep()}
      >
        <Icon name={ICONS[step.kind]} />
        <span>{step.label}</span>
      </button>
    </Hint>
  );
}
