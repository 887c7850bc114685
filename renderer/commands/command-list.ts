import { flushSync } from 'react-dom';
import { LEVELS } from '../../core/level.ts';
import {
  doNextStep,
  exportRun,
  measureProfile,
  openRun,
  pinLevel,
  runDoctor,
  startAndRun,
  stopRun,
  stopSession,
  togglePause,
} from '../state/actions.ts';
import { useDesktop } from '../state/desktop-store.ts';
import { showLive } from '../state/live-feed.ts';
import { nextStep } from '../state/next-step.ts';
import { useShown } from '../state/shown-store.ts';
import { setTheme, THEMES } from '../state/theme.ts';
import { look, openDialog, useView, WINDOWS_S } from '../state/view-store.ts';
import { formatDay } from '../format/units.ts';

/** Something the user can do, by palette, by key or both. */
export interface Command {
  readonly id: string;
  readonly group: 'Run' | 'Phone' | 'Level' | 'View' | 'Runs' | 'Help';
  readonly title: string;
  /** As `KeyboardEvent.key`; `ctrl+` before it where Control (or Command) is held. */
  readonly keys?: string;
  readonly run: () => void;
}

/** Shows the last part of the data as a selection, for those without a mouse. */
function selectLast(seconds: number): void {
  const { view } = useShown.getState();
  if (view.endMs !== null) look({ selection: { fromMs: view.endMs - seconds * 1000, toMs: view.endMs } });
}

function focusFilter(): void {
  const focus = (): void => document.getElementById('filter')?.focus();
  // At once: the next letter that is typed belongs to the field and must not act as a key.
  flushSync(() => look({ tab: 'requests' }));
  focus();
  // Again after a closing palette gave the focus back to where it was.
  window.requestAnimationFrame(focus);
}

/** Run by key: starts whatever leads to a run, but never cancels or stops one. */
function runByKey(): void {
  const { kind } = nextStep(useDesktop.getState().state, useView.getState());
  if (kind === 'start' || kind === 'run') void startAndRun();
  else if (kind === 'connect' || kind === 'bundle') void doNextStep();
}

const RUN: readonly Command[] = [
  { id: 'run', group: 'Run', title: 'Run: the next step towards one', keys: 'r', run: runByKey },
  {
    id: 'stop',
    group: 'Run',
    title: 'Stop the run',
    keys: 's',
    run: () => {
      if ((useDesktop.getState().state?.run ?? null) !== null) void stopRun();
    },
  },
  {
    id: 'pause',
    group: 'Run',
    title: 'Live / pause',
    keys: ' ',
    run: togglePause,
  },
];

const PHONE: readonly Command[] = [
  { id: 'connect', group: 'Phone', title: 'Connect a phone by address', run: () => openDialog('connect') },
  { id: 'add-bundle', group: 'Phone', title: 'Add a bundle', run: () => openDialog('add-bundle') },
  { id: 'stop-agent', group: 'Phone', title: 'Stop the agent', run: () => void stopSession() },
  {
    id: 'profile-quick',
    group: 'Phone',
    title: 'Measure a quick profile',
    run: () => void measureProfile('quick'),
  },
  {
    id: 'profile-full',
    group: 'Phone',
    title: 'Measure the full profile',
    run: () => void measureProfile('full'),
  },
  { id: 'log', group: 'Phone', title: 'Agent log', run: () => look({ tab: 'log' }) },
  {
    id: 'doctor',
    group: 'Phone',
    title: 'Doctor: check this computer and phone',
    run: () => void runDoctor(),
  },
];

const LEVEL: readonly Command[] = [
  ...LEVELS.map((level, i): Command => ({
    id: `pin-${level}`,
    group: 'Level',
    title: `Pin level ${level} %`,
    keys: String(i + 1),
    run: () => void pinLevel(level),
  })),
  {
    id: 'release',
    group: 'Level',
    title: 'Release the level: follow SLOs',
    keys: '0',
    run: () => void pinLevel(null),
  },
];

const VIEW: readonly Command[] = [
  { id: 'filter', group: 'View', title: 'Filter requests', keys: '/', run: focusFilter },
  {
    id: 'unit',
    group: 'View',
    title: 'Latency: measured / SLO or ms',
    keys: 'u',
    run: () => look({ unit: useView.getState().unit === 'ratio' ? 'ms' : 'ratio' }),
  },
  {
    id: 'zoom',
    group: 'View',
    title: 'Zoom to the selection, or reset the zoom',
    keys: 'z',
    run: () => look({ zoom: useView.getState().selection, selection: null }),
  },
  {
    id: 'clear',
    group: 'View',
    title: 'Clear selection, filter and app',
    keys: 'Escape',
    run: () => look({ selection: null, filter: '', app: null, expandedId: null }),
  },
  ...[10, 30, 60].map((seconds): Command => ({
    id: `select-${seconds}`,
    group: 'View',
    title: `Select the last ${seconds} s`,
    run: () => selectLast(seconds),
  })),
  ...WINDOWS_S.map((seconds): Command => ({
    id: `window-${seconds}`,
    group: 'View',
    title: `Time window: ${seconds < 60 ? `${seconds} s` : `${seconds / 60} min`}`,
    run: () => look({ windowS: seconds, zoom: null }),
  })),
  ...THEMES.map((theme): Command => ({
    id: `theme-${theme}`,
    group: 'View',
    title: `Theme: ${theme}`,
    run: () => setTheme(theme),
  })),
];

const HELP: readonly Command[] = [
  { id: 'palette', group: 'Help', title: 'Commands', keys: 'ctrl+k', run: () => openDialog('palette') },
  { id: 'help', group: 'Help', title: 'Keys and terms', keys: '?', run: () => openDialog('help') },
];

/** Everything that does not depend on what is there now: what keys do, and what the help lists. */
export const COMMANDS: readonly Command[] = [...RUN, ...PHONE, ...LEVEL, ...VIEW, ...HELP];

/** Commands about the runs that are there now, for the palette. */
export function runCommands(): Command[] {
  const { past } = useShown.getState();
  const runs = useDesktop.getState().state?.runs ?? [];
  return [
    ...(past === null
      ? []
      : [
          { id: 'live', group: 'Runs', title: 'Back to live', run: showLive } as const,
          {
            id: 'export-json',
            group: 'Runs',
            title: 'Export this run as JSON',
            run: () => void exportRun(past.id, 'json'),
          } as const,
          {
            id: 'export-csv',
            group: 'Runs',
            title: 'Export this run as CSV',
            run: () => void exportRun(past.id, 'csv'),
          } as const,
          {
            id: 'delete',
            group: 'Runs',
            title: 'Delete this run …',
            run: () => openDialog('delete-run', past.id),
          } as const,
        ]),
    ...runs.slice(0, 50).map((run): Command => ({
      id: `open-${run.id}`,
      group: 'Runs',
      title: `Open the run of ${formatDay(run.startedAt)} on ${run.device}`,
      run: () => void openRun(run.id),
    })),
  ];
}
