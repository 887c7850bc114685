import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { APP_IDS } from '../../core/app.ts';
import { promptOf } from '../../core/app-prompts/app-prompts.ts';
import { appCounts, appShares, TABLE3_REQUESTS, traceEntries, traceSpecSchema } from '../../core/trace.ts';

describe('shares of the apps', () => {
  it('sum to 1, are equal at alpha 0, favour loose SLOs above 0 and tight ones below', () => {
    fc.assert(
      fc.property(fc.double({ min: -2, max: 2, noNaN: true }), (alpha) => {
        const shares = [...appShares(alpha).values()];
        expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
        const [loosest = 0] = shares;
        const tightest = shares.at(-1) ?? 0;
        if (Math.abs(alpha) < 1e-6) return;
        expect(loosest > tightest).toBe(alpha > 0);
      }),
    );
  });

  it('whole counts sum to the total and are within one of the exact share', () => {
    fc.assert(
      fc.property(fc.double({ min: -2, max: 2, noNaN: true }), fc.nat(2000), (alpha, total) => {
        const counts = appCounts(alpha, total);
        expect([...counts.values()].reduce((a, b) => a + b, 0)).toBe(total);
        for (const [id, share] of appShares(alpha))
          expect(Math.abs((counts.get(id) ?? 0) - share * total)).toBeLessThan(1);
      }),
    );
  });
});

describe('traceEntries', () => {
  const spec = (over: object) => traceSpecSchema.parse({ durationS: 60, ...over });

  it('is the same for the same spec and another for another seed', () => {
    const a = [...traceEntries(spec({ seed: 1 }))];
    expect([...traceEntries(spec({ seed: 1 }))]).toEqual(a);
    expect([...traceEntries(spec({ seed: 2 }))]).not.toEqual(a);
  });

  it.each(['poisson', 'steady', 'burst'] as const)(
    '%s ascends in time, ends in time and keeps its rate',
    (kind) => {
      const entries = [...traceEntries(spec({ kind, durationS: 3600, requestsPerMinute: 60 }))];
      expect(entries.length).toBeGreaterThan(3300);
      expect(entries.length).toBeLessThan(3900);
      for (const [i, entry] of entries.slice(1).entries())
        expect(entry.atMs).toBeGreaterThanOrEqual(entries[i]?.atMs ?? 0);
      expect(entries.at(-1)?.atMs).toBeLessThan(3_600_000);
    },
  );

  it('table3 is the paper’s 600 requests, a hundred of each app at alpha 0', () => {
    const entries = [...traceEntries(spec({ kind: 'table3', durationS: null }))];
    expect(entries).toHaveLength(TABLE3_REQUESTS);
    for (const id of APP_IDS) expect(entries.filter((entry) => entry.app === id)).toHaveLength(100);
  });
});

describe('promptOf', () => {
  it.each(APP_IDS)('%s has a system prompt with five examples and a question, for any index', (app) => {
    fc.assert(
      fc.property(fc.nat(1000), (index) => {
        const { messages, maxTokens } = promptOf(app, index);
        expect(messages.map((message) => message.role)).toEqual(['system', 'user']);
        expect(String(messages[0]?.content).match(/^Q: /gm)).toHaveLength(5);
        expect(String(messages[1]?.content).length).toBeGreaterThan(5);
        expect(maxTokens).toBeGreaterThan(0);
      }),
    );
  });
});
