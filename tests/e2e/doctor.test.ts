import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { doctorCheckSchema, type DoctorCheck } from '../../core/desktop-state.ts';
import { environmentSchema } from '../../core/run-record.ts';
import { tinyBundle, Workplace } from './project.ts';

const reportSchema = z.object({
  simulated: z.string().nullable(),
  checks: z.array(doctorCheckSchema),
  environment: environmentSchema.nullable(),
});

/** `npm run doctor -- --json` on the virtual phone, with the real agent and ONNX Runtime. */
describe('npm run doctor', () => {
  let place: Workplace;
  let bundle: string;
  beforeAll(async () => {
    place = await Workplace.open({ withAdb: false });
    bundle = await tinyBundle(join(place.dir, 'bundle'));
  });
  afterAll(() => place.close());

  async function report(...args: string[]): Promise<z.infer<typeof reportSchema>> {
    const { code, stdout, stderr } = await place.run('doctor', ['--json', '--bundle', bundle, ...args]);
    const found = reportSchema.parse(JSON.parse(stdout.trimEnd()));
    expect(code, `${stderr}\n${stdout}`).toBe(0);
    return found;
  }
  const of = (checks: readonly DoctorCheck[], id: string): DoctorCheck | undefined =>
    checks.find((check) => check.id.split(':')[0] === id);

  it('tells of every step to a proved phone, and leaves no agent running', async () => {
    const { simulated, checks, environment } = await report();
    expect(simulated).toBeNull();
    expect(checks.map(({ id }) => id.split(':')[0])).toEqual(
      expect.arrayContaining([
        'adb-server',
        'devices',
        'authorised',
        'space',
        'pack',
        'memory',
        'page',
        'thermal',
        'battery',
        'cpu',
        'nnapi',
        'agent-reachable',
        'providers',
        'placement-xnnpack',
        'placement-nnapi',
        'numerics-nnapi',
        'speed-nnapi',
        'chosen',
        'bundles',
      ]),
    );
    expect(checks.filter(({ status }) => status === 'failed')).toEqual([]);
    expect(of(checks, 'providers')?.text).toMatch(/^cpu \(ONNX Runtime/);
    expect(of(checks, 'chosen')?.text).toMatch(/^cpu\. Prefill: no other provider is proved/);
    expect(environment?.provider).toBe('cpu');
    const agents = await place.run('doctor', ['--no-agent', '--json', '--bundle', bundle]);
    const looked = reportSchema.parse(JSON.parse(agents.stdout.trimEnd()));
    expect(of(looked.checks, 'agent-reachable')).toMatchObject({ status: 'skipped', text: 'none runs' });
  });

  it.each([
    [
      'nnapi-absent',
      { placement: 'skipped', numerics: 'skipped' },
      /this ONNX Runtime library does not have it/,
    ],
    ['nnapi-declines', { placement: 'warning', numerics: 'skipped' }, /declined .*took none of \d+ nodes/],
    ['nnapi-wrong-numerics', { placement: 'ok', numerics: 'warning' }, /\d+ of \d+ nodes/],
  ])('says what it would in a made-up case: %s', async (inject, status, words) => {
    const { simulated, checks } = await report('--inject', inject);
    expect(simulated).toBe(inject);
    expect(of(checks, 'placement-nnapi')).toMatchObject({
      status: status.placement,
      text: expect.stringMatching(words) as string,
    });
    expect(of(checks, 'numerics-nnapi')?.status).toBe(status.numerics);
    expect(of(checks, 'speed-nnapi')?.text).toMatch(/^SIMULATED .*not timed$/);
    expect(of(checks, 'chosen')?.text).toMatch(/^SIMULATED .*: cpu\./);
  });

  it('refuses a case that it does not know', async () => {
    const { code, stderr } = await place.run('doctor', ['--inject', 'nnapi-flies']);
    expect(code).toBe(2);
    expect(stderr).toContain('nnapi-wrong-numerics');
  });
});
