import { describe, expect, it } from 'vitest';
import { adbStateSchema, ADB_STATE_WORDS } from '../../core/device.ts';
import type { DesktopState } from '../../core/desktop-state.ts';
import { commandFor, type Focus } from '../../renderer/commands/key-press.ts';
import { chosenBundle, chosenDevice, nextStep } from '../../renderer/state/next-step.ts';
import { throttledSender } from '../../renderer/state/throttled-sender.ts';
import {
  BROKEN_BUNDLE,
  BUNDLE,
  EMPTY_STATE,
  IDLE_STATE,
  LOCKED_PHONE,
  PHONE,
  PUSHING_SESSION,
  READY_SESSION,
  SMALL_BUNDLE,
  TRACE,
} from './fake/demo-state.ts';

const NO_CHOICE = { serial: null, bundleId: null };
const RUN = { id: 'r', trace: TRACE, startedAt: '2026-01-02T03:04:05.000Z', sent: 0, finished: 0 };

describe('the next step', () => {
  const table: readonly [string, DesktopState | null, string][] = [
    ['nothing known yet', null, 'wait'],
    ['no phone', EMPTY_STATE, 'connect'],
    ['a locked phone', { ...IDLE_STATE, devices: [LOCKED_PHONE] }, 'connect'],
    ['a phone, no bundle', { ...EMPTY_STATE, devices: [PHONE] }, 'bundle'],
    ['a phone, a broken bundle', { ...IDLE_STATE, bundles: [BROKEN_BUNDLE] }, 'bundle'],
    ['phone and bundle', IDLE_STATE, 'start'],
    ['a push on its way', { ...IDLE_STATE, session: PUSHING_SESSION }, 'preparing'],
    ['a ready agent', { ...IDLE_STATE, session: READY_SESSION }, 'run'],
    [
      'a ready agent with another bundle chosen',
      { ...IDLE_STATE, session: { ...READY_SESSION, bundleId: 'gone' } },
      'start',
    ],
    ['a failed session', { ...IDLE_STATE, session: { ...READY_SESSION, phase: 'failed' } }, 'start'],
    ['a run', { ...IDLE_STATE, session: READY_SESSION, run: RUN }, 'running'],
  ];

  it.each(table)('with %s is %3$s', (_, state, kind) => {
    expect(nextStep(state, NO_CHOICE).kind).toBe(kind);
  });

  it.each(adbStateSchema.options.filter((state) => state !== 'device'))(
    'tells how to mend a phone that is %s',
    (adb) => {
      const step = nextStep({ ...IDLE_STATE, devices: [{ ...PHONE, state: adb }] }, NO_CHOICE);
      expect(step.hint).toContain(ADB_STATE_WORDS[adb].words);
      expect(step.hint).toContain(ADB_STATE_WORDS[adb].remedy);
    },
  );

  it('blames adb, not the cable, when adb is down', () => {
    const state = { ...EMPTY_STATE, adb: { ...EMPTY_STATE.adb, connected: false } };
    expect(nextStep(state, NO_CHOICE).hint).toContain('does not answer');
  });
});

describe('what is chosen', () => {
  it('is a usable phone before a locked one, unless the user says so', () => {
    const state = { ...IDLE_STATE, devices: [LOCKED_PHONE, PHONE] };
    expect(chosenDevice(state, NO_CHOICE)).toBe(PHONE);
    expect(chosenDevice(state, { ...NO_CHOICE, serial: LOCKED_PHONE.serial })).toBe(LOCKED_PHONE);
    expect(chosenDevice(state, { ...NO_CHOICE, serial: 'unplugged' })).toBe(PHONE);
  });

  it('is a real bundle before the small one, and never a broken one', () => {
    const state = { ...IDLE_STATE, bundles: [BROKEN_BUNDLE, SMALL_BUNDLE, BUNDLE] };
    expect(chosenBundle(state, NO_CHOICE)).toBe(BUNDLE);
    expect(chosenBundle(state, { ...NO_CHOICE, bundleId: BROKEN_BUNDLE.id })).toBe(BUNDLE);
    expect(chosenBundle({ ...state, bundles: [SMALL_BUNDLE] }, NO_CHOICE)).toBe(SMALL_BUNDLE);
  });
});

describe('a dragged slider', () => {
  it('sends the first value at once, then at most one per interval, and always the last', () => {
    const sent: number[] = [];
    const timers: (() => void)[] = [];
    const send = throttledSender(
      (value: number) => sent.push(value),
      100,
      (run) => timers.push(run),
    );
    for (const value of [1, 2, 3, 4]) send(value);
    expect(sent).toEqual([1]);
    timers.shift()?.();
    expect(sent).toEqual([1, 4]);
    timers.shift()?.();
    expect(sent).toEqual([1, 4]);
    send(5);
    expect(sent).toEqual([1, 4, 5]);
  });
});

describe('a key', () => {
  const commands = [
    { id: 'pause', group: 'Run', title: '', keys: ' ', run: () => undefined },
    { id: 'run', group: 'Run', title: '', keys: 'r', run: () => undefined },
    { id: 'palette', group: 'Help', title: '', keys: 'ctrl+k', run: () => undefined },
    { id: 'help', group: 'Help', title: '', keys: '?', run: () => undefined },
  ] as const;
  const plainKey = { ctrlKey: false, metaKey: false, altKey: false };

  it.each([
    [{ ...plainKey, key: 'r' }, 'none', 'run'],
    [{ ...plainKey, key: 'R' }, 'none', 'run'],
    [{ ...plainKey, key: 'r' }, 'text', null],
    [{ ...plainKey, key: ' ' }, 'none', 'pause'],
    [{ ...plainKey, key: ' ' }, 'control', null],
    [{ ...plainKey, key: '?' }, 'control', 'help'],
    [{ ...plainKey, ctrlKey: true, key: 'k' }, 'text', 'palette'],
    [{ ...plainKey, metaKey: true, key: 'K' }, 'none', 'palette'],
    [{ ...plainKey, ctrlKey: true, key: 'r' }, 'none', null],
    [{ ...plainKey, altKey: true, key: 'r' }, 'none', null],
  ] as const)('%j with focus on %s means %s', (press, focus: Focus, id) => {
    expect(commandFor(press, focus, commands)?.id ?? null).toBe(id);
  });
});
