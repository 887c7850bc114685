import { useEffect, useState } from 'react';
import type { LiveView } from '../live/live-view.ts';
import { useShown } from './shown-store.ts';

/** Figures sort and count all requests on show: often enough to read, seldom enough to cost nothing. */
const SAMPLE_MS = 400;
const MANY_ROWS = 2000;
const SAMPLE_MANY_MS = 1000;

/** The view on show, at most once per 400 ms (1 s of many requests); the newest one always arrives. */
export function useSampledView(): LiveView {
  const [view, setView] = useState(() => useShown.getState().view);
  useEffect(() => {
    let timer: number | null = null;
    const take = (): void => {
      timer = null;
      setView(useShown.getState().view);
    };
    const unsubscribe = useShown.subscribe((now, before) => {
      if (now.view === before.view) return;
      // Another run, or live again: at once.
      if (now.mode !== before.mode || now.past !== before.past) take();
      else timer ??= window.setTimeout(take, now.view.rows.length > MANY_ROWS ? SAMPLE_MANY_MS : SAMPLE_MS);
    });
    take();
    return () => {
      unsubscribe();
      if (timer !== null) window.clearTimeout(timer);
    };
  }, []);
  return view;
}
