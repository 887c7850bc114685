import { useMemo } from 'react';
import { useShallow } from 'zustand/react/shallow';
import { useDesktop } from './desktop-store.ts';
import { nextStep, type NextStep } from './next-step.ts';
import { useView } from './view-store.ts';

/** The one obvious thing to do now. */
export function useNextStep(): NextStep {
  const state = useDesktop((desktop) => desktop.state);
  const choice = useView(useShallow(({ serial, bundleId }) => ({ serial, bundleId })));
  return useMemo(() => nextStep(state, choice), [state, choice]);
}
