import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { LEVELS } from '../../core/level.ts';
import { environmentSchema } from '../../core/run-record.ts';
import { summarySchema } from '../../core/statistics.ts';
import { AGENT_HOME } from '../../electron/push/phone-layout.ts';
import { tinyBundle, Workplace } from './project.ts';

/** What `npm start -- --headless --json` promises on its last line. */
const reportSchema = z.object({
  device: z.object({ serial: z.string(), kind: z.literal('virtual') }),
  model: z.string(),
  bundle: z.object({ id: z.string(), variant: z.string() }),
  requests: z.object({ sent: z.int().positive(), completed: z.int().positive(), failed: z.literal(0) }),
  sloAttainment: z.number().min(0).max(1),
  serviceAttainment: z.number().min(0).max(1),
  decisions: z.record(z.string(), z.int()),
  goodputPerSecond: z.number().nonnegative(),
  ttftMs: summarySchema,
  tpotMs: summarySchema,
  levelSwitches: z.int().nonnegative(),
  levelsUsed: z.record(z.string(), z.int()),
  push: z.object({ bytes: z.number(), seconds: z.number() }),
  environment: environmentSchema,
});

describe.each([{ withAdb: true }, { withAdb: false }])(
  'npm start -- --headless (Google’s adb: $withAdb)',
  ({ withAdb }) => {
    let place: Workplace;
    let bundle: string;
    beforeAll(async () => {
      place = await Workplace.open({ withAdb });
      bundle = await tinyBundle(join(place.dir, 'bundle'));
    });
    afterAll(() => place.close());

    it(
      'brings phone, bundle and agent together, runs a trace and ends with one JSON line',
      { timeout: 120_000 },
      async () => {
        const args = [
          '--headless',
          '--json',
          '--bundle',
          bundle,
          '--duration',
          '5',
          '--load',
          '120',
          '--seed',
          '3',
        ];
        const { code, stdout, stderr } = await place.run('start', args);
        expect(code, stderr).toBe(0);
        const report = reportSchema.parse(JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? ''));
        expect(report.environment.description).toMatch(/^virtual phone on this CPU/);
        expect(report.push.bytes).toBeGreaterThan(1_000_000);
        const used = Object.entries(report.levelsUsed);
        expect(used.reduce((sum, [, n]) => sum + n, 0)).toBe(report.requests.completed);
        for (const [level] of used) expect(LEVELS).toContain(Number(level));
        expect(report.serviceAttainment).toBeGreaterThanOrEqual(report.sloAttainment);
        expect(report.environment.guardCorrection).toBe(true);
        expect(stderr).toContain(withAdb ? 'starts its server' : 'embedded server');

        // The second start finds the files on the phone; this agent is told not to correct.
        const again = await place.run('start', [...args, '--no-guard-correction']);
        expect(again.code, again.stderr).toBe(0);
        const second = reportSchema.parse(JSON.parse(again.stdout.trimEnd()));
        expect(second.push.bytes).toBe(0);
        expect(second.environment.guardCorrection).toBe(false);
        expect(again.stderr).toContain('--no-guard-correction is on');
        const startedFrom = join(place.dir, 'state', 'virtual-phone', 'files', AGENT_HOME, 'started-from');
        expect(await readFile(startedFrom, 'utf8')).toContain('--guard-correction off');
      },
    );
  },
);

describe('npm start with wrong arguments', () => {
  let place: Workplace;
  beforeAll(async () => {
    place = await Workplace.open({ withAdb: false });
  });
  afterAll(() => place.close());

  it.each([
    [['--headless', '--bundle', '/nowhere'], 1, /holds no manifest\.json/],
    [['--headless', '--duration', 'soon'], 2, /must be a number above 0/],
    [['--headless', '--trace', 'walk'], 1, /neither a kind of trace nor a file/],
    [['--headles'], 2, /unknown option/],
    [['--headless', '--phone', 'R5CT', '--arch', 'arm64'], 1, /R5CT has a processor of its own/],
  ])('%j ends with %d and one clear line', async (args, code, message) => {
    const run = await place.run('start', args);
    expect(run.code, run.stderr).toBe(code);
    expect(run.stderr).toMatch(message);
    expect(run.stderr).not.toMatch(/^\s+at /m);
  });
});
