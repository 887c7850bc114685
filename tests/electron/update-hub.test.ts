import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { DesktopUpdate } from '../../core/desktop-contract.ts';
import type { DesktopState } from '../../core/desktop-state.ts';
import { MAX_BACKLOG_EVENTS, UPDATE_EVERY_MS, UpdateHub } from '../../electron/desktop/update-hub.ts';
import { note } from './support/run-record.ts';

describe('updates', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const open = (accept: () => boolean = () => true) => {
    let version = 0;
    const hub = new UpdateHub(() => ({ version: String(++version) }) as DesktopState);
    const got: DesktopUpdate[] = [];
    const subscription = hub.subscribe((update) => {
      got.push(update);
      return accept();
    });
    return { hub, got, subscription };
  };

  test('the first carries the whole state at once; then at most one comes per interval', () => {
    const { hub, got } = open();
    expect(got).toMatchObject([{ state: { version: '1' }, live: [] }]);
    for (let i = 0; i < 100; i++) {
      hub.live(note(`n${i}`));
      if (i % 10 === 0) hub.stateChanged();
    }
    vi.advanceTimersByTime(UPDATE_EVERY_MS);
    expect(got).toHaveLength(2);
    expect(got[1]?.live).toHaveLength(100);
    expect(got[1]?.state?.version).toBe('2');
    for (let ms = 0; ms < 1000; ms += 5) {
      hub.live(note('x'));
      vi.advanceTimersByTime(5);
    }
    expect(got.length - 2).toBeLessThanOrEqual(1000 / UPDATE_EVERY_MS + 1);
  });

  test('nothing to say costs no timer and no update', () => {
    const { got } = open();
    vi.advanceTimersByTime(10_000);
    expect(got).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a slow window loses the oldest events, counted, and gets the newest state', () => {
    let isOpen = false;
    const { hub, got, subscription } = open(() => isOpen);
    const sent = MAX_BACKLOG_EVENTS + 5000;
    for (let i = 0; i < sent; i++) hub.live(note(String(i)));
    hub.stateChanged();
    vi.advanceTimersByTime(1000);
    expect(got).toHaveLength(1);
    isOpen = true;
    subscription.ready();
    vi.advanceTimersByTime(UPDATE_EVERY_MS);
    expect(got).toHaveLength(2);
    const update = got[1];
    expect(update?.live.length).toBeLessThanOrEqual(MAX_BACKLOG_EVENTS);
    expect((update?.live.length ?? 0) + (update?.dropped ?? 0)).toBe(sent);
    expect(update?.live.at(-1)).toEqual(note(String(sent - 1)));
    expect(update?.state).toBeDefined();
  });

  test('no update after unsubscribing', () => {
    const { hub, got, subscription } = open();
    hub.live(note('x'));
    subscription.unsubscribe();
    vi.advanceTimersByTime(1000);
    expect(got).toHaveLength(1);
  });
});
