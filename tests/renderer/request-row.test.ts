import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LiveEvent } from '../../core/run-record.ts';
import { cutOff, MAX_TEXT_CHARS, reduceRequest, type RequestRow } from '../../renderer/live/request-row.ts';
import { finished, PHONE_ZERO_MS, queued, sent, started, token, wholeRequest } from './build-events.ts';

function rowAfter(events: readonly LiveEvent[]): RequestRow {
  const row = events.reduce<RequestRow | undefined>(reduceRequest, undefined);
  if (row === undefined) throw new Error('no row');
  return row;
}

describe('a request row', () => {
  it('goes through sent, queued, running and completed', () => {
    const events = wholeRequest(0, 'r', 'gmail', true);
    const states = events.map((_, i) => rowAfter(events.slice(0, i + 1)).state);
    expect(states).toEqual(['sent', 'queued', 'running', 'running', 'running', 'completed']);
  });

  it('measures TTFT and TPOT on the phone’s clock while it streams', () => {
    const row = rowAfter([queued(10, 'r'), started(12, 'r'), token(110, 'r', 0), token(130, 'r', 1)]);
    expect(row.ttftMs).toBe(100);
    expect(row.tpotMs).toBe(20);
  });

  it('leaves TTFT unknown when the arrival was not seen', () => {
    expect(rowAfter([token(110, 'r', 0)]).ttftMs).toBeNull();
  });

  it('takes the agent’s figures over its own at the end', () => {
    const row = rowAfter(wholeRequest(0, 'r', 'gmail', true));
    expect(row).toMatchObject({ ttftMs: 200, tpotMs: 12, e2elMs: 300, tokens: 3, hit: true });
  });

  it('keeps ITL and lets go of the token times at the end', () => {
    const row = rowAfter(wholeRequest(0, 'r', 'gmail', true));
    expect(row.itl).toMatchObject({ n: 1, mean: 12 });
    expect(row.tokenAtMs).toEqual([]);
  });

  it('stands at its first sign on the host clock', () => {
    expect(rowAfter([sent(5, 'r', 'gboard'), queued(9, 'r')]).atMs).toBe(PHONE_ZERO_MS + 5);
  });

  it('counts a failed request with an SLO as a miss', () => {
    const row = rowAfter([queued(0, 'r'), finished(5, 'r', {}, 'failed')]);
    expect(row).toMatchObject({ state: 'failed', failure: 'out of memory', hit: false });
  });

  it.each(['cancelled', 'completed'] as const)('does not judge a %s request without an SLO', (outcome) => {
    const none = { slo: null, limits: null, sloHit: { ttft: null, tpot: null, met: null } };
    const row = rowAfter([sent(0, 'r', 'gmail', null), finished(5, 'r', none, outcome)]);
    expect(row.hit).toBeNull();
  });

  it('names one of the six apps by its name and any other client by its label', () => {
    expect(rowAfter([queued(0, 'r', 'xiaoai')])).toMatchObject({ app: 'xiaoai', label: 'XiaoAi' });
    expect(rowAfter([queued(0, 'r', null)])).toMatchObject({ app: null, label: 'client' });
  });

  it('is failed when the desktop lost the connection, unless the agent had finished it', () => {
    const lost: LiveEvent = {
      kind: 'client-failed',
      hostAtMs: PHONE_ZERO_MS + 20,
      requestId: 'r',
      app: 'gmail',
      failure: 'connection reset',
    };
    expect(rowAfter([sent(0, 'r', 'gmail'), lost])).toMatchObject({ state: 'failed', hit: false });
    expect(rowAfter([...wholeRequest(0, 'r', 'gmail', true), lost])).toMatchObject({ state: 'completed' });
  });

  it('is cut off at the end of its run only while open and only if the run sent it', () => {
    expect(cutOff(rowAfter([sent(0, 'r', 'gmail')]))).toMatchObject({ state: 'cut-off', hit: null });
    expect(cutOff(rowAfter([queued(0, 'r')])).state).toBe('queued');
    expect(cutOff(rowAfter(wholeRequest(0, 'r', 'gmail', true))).state).toBe('completed');
  });

  it('bounds the text it keeps', () => {
    const long = 'y'.repeat(MAX_TEXT_CHARS);
    const row = rowAfter([token(0, 'r', 0, long), token(1, 'r', 1, long)]);
    expect(row.text).toHaveLength(MAX_TEXT_CHARS);
    expect(row.tokens).toBe(2);
  });

  it('is the same whatever is repeated', () => {
    const events = wholeRequest(0, 'r', 'octopus', false);
    const repeats = fc.array(fc.nat(events.length - 1), { maxLength: 12 });
    fc.assert(
      fc.property(repeats, (again) => {
        // Each event once, in order, each followed by repeats of events that have happened already.
        const noisy = events.flatMap((event, i) => [
          event,
          ...again.filter((j) => j <= i).flatMap((j) => events[j] ?? []),
        ]);
        expect(rowAfter(noisy)).toEqual(rowAfter(events));
      }),
    );
  });

  it('ends completed with the agent’s figures in whatever order its events come', () => {
    const events = wholeRequest(0, 'r', 'octopus', true);
    fc.assert(
      fc.property(fc.shuffledSubarray(events, { minLength: events.length }), (shuffled) => {
        const row = rowAfter(shuffled);
        expect(row).toMatchObject({ state: 'completed', hit: true, ttftMs: 200, app: 'octopus' });
      }),
    );
  });
});
