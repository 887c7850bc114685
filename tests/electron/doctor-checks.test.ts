import { describe, expect, test } from 'vitest';
import type { DoctorCheck, Session } from '../../core/desktop-state.ts';
import type { Device, DeviceHardware, DeviceTelemetry } from '../../core/device.ts';
import { providerProofSchema, type Candidate, type ProviderProof } from '../../core/provider-proof.ts';
import { fail, ok } from '../../core/result.ts';
import { newSession } from '../../electron/desktop/session-state.ts';
import { agentChecks } from '../../electron/doctor/agent-checks.ts';
import { phoneChecks } from '../../electron/doctor/phone-checks.ts';
import { proofChecks } from '../../electron/doctor/proof-checks.ts';

const TELEMETRY: DeviceTelemetry = {
  temperatureC: 35,
  skinC: 31,
  thermalStatus: 0,
  cpuCoolingState: 0,
  batteryPercent: 80,
  batteryC: 30,
  charging: false,
  batteryHeld: false,
  coreKhz: [610_000, 2_914_000],
  availableBytes: 3e9,
};
const HARDWARE: DeviceHardware = {
  cores: [
    { core: 0, maxKhz: 1_704_000, governor: 'sched_pixel' },
    { core: 1, maxKhz: 2_914_000, governor: 'sched_pixel' },
  ],
  memoryBytes: 8e9,
  pageBytes: 16_384,
  nnapiDevices: ['google-edgetpu'],
  gpu: null,
};
const DEVICE: Device = {
  serial: 'p1',
  state: 'device',
  kind: 'physical',
  alias: 'My phone',
  model: 'Pixel',
  androidVersion: '16',
  sdk: 36,
  abi: 'arm64-v8a',
  soc: 'Google Tensor G3',
  systemBuild: 'build',
  freeBytes: 1e10,
  telemetry: TELEMETRY,
  hardware: HARDWARE,
};

describe('checks of a phone', () => {
  const found = (
    telemetry: Partial<DeviceTelemetry>,
    hardware: Partial<DeviceHardware> = {},
  ): DoctorCheck[] =>
    phoneChecks({
      ...DEVICE,
      telemetry: { ...TELEMETRY, ...telemetry },
      hardware: { ...HARDWARE, ...hardware },
    });
  const of = (checks: readonly DoctorCheck[], id: string) => checks.find((check) => check.id === `${id}:p1`);

  test('a phone in order has none to mend', () => {
    const checks = found({});
    expect(checks.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok', 'ok']);
    expect(checks.every(({ title }) => title.endsWith('My phone'))).toBe(true);
    expect(of(checks, 'cpu')?.text).toBe(
      'Google Tensor G3, 2 cores, up to 2.91 GHz, now 0.61 GHz to 2.91 GHz, governor sched_pixel',
    );
  });

  test.each<[string, Partial<DeviceTelemetry>, string, DoctorCheck['status'], RegExp]>([
    ['hot', { thermalStatus: 3 }, 'thermal', 'warning', /severe/],
    ['only warm', { thermalStatus: 1 }, 'thermal', 'ok', /light/],
    ['low and not charging', { batteryPercent: 12 }, 'battery', 'warning', /12 %, not charging/],
    ['low but charging', { batteryPercent: 12, charging: true }, 'battery', 'ok', /charging/],
    ['even in speed', { coreKhz: [1_500_000, 1_500_000] }, 'cpu', 'ok', /now 1\.50 GHz, governor/],
    ['held by hand', { batteryHeld: true }, 'battery', 'warning', /held/],
    ['short of memory', { availableBytes: 4e8 }, 'memory', 'warning', /0\.4 GB of 8\.0 GB/],
    ['silent about heat', { thermalStatus: null, temperatureC: null }, 'thermal', 'skipped', /does not tell/],
  ])('a phone that is %s', (_what, telemetry, id, status, text) => {
    const check = of(found(telemetry), id);
    expect(check).toMatchObject({ status, text: expect.stringMatching(text) as string });
    expect(check?.remedy === null).toBe(status !== 'warning');
  });

  test.each<[Partial<DeviceHardware>, string, DoctorCheck['status'], RegExp]>([
    [{ nnapiDevices: [] }, 'nnapi', 'skipped', /no NNAPI driver/],
    [{ nnapiDevices: null }, 'nnapi', 'skipped', /does not tell/],
    [{ pageBytes: 65_536 }, 'page', 'warning', /64 KiB/],
    [{ cores: [] }, 'cpu', 'skipped', /not readable/],
  ])('hardware %j', (hardware, id, status, text) => {
    expect(of(found({}, hardware), id)).toMatchObject({
      status,
      text: expect.stringMatching(text) as string,
    });
  });

  test('a phone of which nothing is known yet fails no check', () => {
    const checks = phoneChecks({ ...DEVICE, telemetry: null, hardware: null });
    expect(checks.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 'skipped'));
  });
});

const CPU: Candidate = {
  provider: 'cpu',
  subject: 'the elastic engine',
  placement: null,
  numerics: null,
  speed: { prefill: [{ tokens: 128, medianMs: 80, runs: 5 }], decodeMs: 9 },
  verdict: 'chosen',
  reason: 'It serves prefill and decode.',
};
const PLACED: Candidate['placement'] = { nodes: 56, nodesOnProvider: 56, share: 1, partitions: 1, ran: [] };
const numerics = (rmsRel: number): Candidate['numerics'] => ({
  values: 64,
  finite: true,
  maxAbs: 0.5,
  maxRel: rmsRel,
  rmsRel,
  top1Agreement: 1,
  klNats: 0.01,
  bound: { rmsRel: 0.02, klNats: 0.05 },
  within: rmsRel <= 0.02,
});
const nnapi = (change: Partial<Candidate>): Candidate => ({
  provider: 'nnapi',
  subject: 'static prefill, 128 tokens',
  placement: null,
  numerics: null,
  speed: null,
  verdict: 'declined',
  reason: 'Because.',
  ...change,
});
const proof = (candidate: Candidate, change: Partial<ProviderProof> = {}): ProviderProof =>
  providerProofSchema.parse({
    schemaVersion: 1,
    provedAt: new Date(0).toISOString(),
    bundleId: 'b',
    threads: 4,
    runtime: { onnxruntime: '1.24.3', node: '24', arch: 'android-arm64' },
    device: {
      serial: 'p1',
      model: 'Pixel',
      virtual: false,
      systemBuild: '',
      nnapiDevices: ['google-edgetpu'],
    },
    library: ['cpu', 'xnnpack', 'nnapi'],
    simulated: null,
    candidates: [CPU, candidate],
    chosen: { prefill: 'cpu', decode: 'cpu' },
    reasons: { prefill: 'the CPU serves', decode: 'the CPU serves' },
    ...change,
  });

describe('checks of a proof', () => {
  test.each<[string, Candidate, (readonly [string, DoctorCheck['status'], RegExp])[]]>([
    [
      'not in the library',
      nnapi({
        verdict: 'not-in-library',
        subject: null,
        reason: 'This ONNX Runtime library does not have it.',
      }),
      [
        ['placement-nnapi', 'skipped', /^not asked: this ONNX Runtime library does not have it\.$/],
        ['numerics-nnapi', 'skipped', /nothing was computed/],
        ['speed-nnapi', 'skipped', /^not timed$/],
      ],
    ],
    [
      'declining',
      nnapi({ placement: { nodes: 56, nodesOnProvider: 0, share: 0, partitions: 0, ran: [] } }),
      [
        ['placement-nnapi', 'warning', /^declined static prefill, 128 tokens/],
        ['numerics-nnapi', 'skipped', /nothing/],
        ['speed-nnapi', 'skipped', /^not timed$/],
      ],
    ],
    [
      'wrong',
      nnapi({ verdict: 'wrong-numerics', placement: PLACED, numerics: numerics(0.3) }),
      [
        ['placement-nnapi', 'ok', /^56 of 56 nodes in 1 kernel/],
        ['numerics-nnapi', 'warning', /^wrong: differs from the CPU by 30 %/],
        ['speed-nnapi', 'skipped', /^not timed$/],
      ],
    ],
    [
      'chosen',
      nnapi({
        verdict: 'chosen',
        placement: PLACED,
        numerics: numerics(0.001),
        speed: { prefill: [{ tokens: 128, medianMs: 20, runs: 5 }], decodeMs: null },
        reason: "It serves prefill: it takes 0.25 of the CPU's time.",
      }),
      [
        ['placement-nnapi', 'ok', /56 of 56/],
        ['numerics-nnapi', 'ok', /0\.10 % \(rms/],
        ['speed-nnapi', 'ok', /0\.25 of the CPU's time\. Prefill: 128 tokens 20\.0 ms\.$/],
      ],
    ],
    ['crashing', nnapi({ verdict: 'crashed' }), [['placement-nnapi', 'warning', /Because/]]],
    ['refusing', nnapi({ verdict: 'refused' }), [['placement-nnapi', 'warning', /^refused on static/]]],
  ])('a provider that is %s', (_what, candidate, expected) => {
    const checks = proofChecks(proof(candidate));
    for (const [id, status, text] of expected)
      expect(checks.find((check) => check.id === `${id}:p1`)).toMatchObject({
        status,
        text: expect.stringMatching(text) as string,
      });
    expect(checks.map(({ id }) => id)).toEqual([
      'providers:p1',
      'placement-nnapi:p1',
      'numerics-nnapi:p1',
      'speed-nnapi:p1',
      'speed-cpu:p1',
      'chosen:p1',
    ]);
  });

  test('every line of a made-up case says that it is one', () => {
    const checks = proofChecks(proof(nnapi({}), { simulated: 'nnapi-declines' }));
    expect(checks.every(({ text }) => text.startsWith('SIMULATED (nnapi-declines): '))).toBe(true);
  });

  test('no time stands beside a provider that was not proved', () => {
    for (const verdict of [
      'declined',
      'wrong-numerics',
      'refused',
      'crashed',
      'not-in-library',
      'works',
    ] as const)
      for (const { id, text } of proofChecks(proof(nnapi({ verdict, placement: PLACED }))))
        if (id.includes('nnapi')) expect(text).not.toMatch(/\d ms\b/);
  });
});

describe('checks of the agent', () => {
  const all = async (
    session: Session | null,
    prove: Parameters<typeof agentChecks>[0]['prove'] = () => Promise.resolve(fail('x', 'not asked')),
    inject: Parameters<typeof agentChecks>[1] = null,
  ): Promise<DoctorCheck[]> => {
    const checks: DoctorCheck[] = [];
    for await (const check of agentChecks({ session: () => session, prove }, inject)) checks.push(check);
    return checks;
  };
  const session = (change: Partial<Session>): Session => ({
    ...newSession('p1', 'b'),
    phase: 'ready',
    ...change,
  });

  test('without an agent nothing can be proved, and that is said', async () => {
    const checks = await all(null);
    expect(checks.map(({ id, status }) => [id, status])).toEqual([
      ['agent-reachable', 'skipped'],
      ['providers', 'skipped'],
    ]);
  });

  test('an agent that could not start fails with its reason', async () => {
    const failure = { code: 'agent-crashed', message: 'It ended.', remedy: 'Look.' };
    expect((await all(session({ phase: 'failed', failure })))[0]).toMatchObject({
      status: 'failed',
      text: 'It ended.',
      remedy: 'Look.',
    });
  });

  test('the stored proof is shown without asking again; a made-up case is always asked for', async () => {
    const stored = proof(nnapi({}));
    expect((await all(session({ proof: stored }))).map(({ id }) => id)).toContain('placement-nnapi:p1');
    const asked: unknown[] = [];
    await all(
      session({ proof: stored }),
      (simulate) => {
        asked.push(simulate);
        return Promise.resolve(ok(proof(nnapi({}), { simulated: simulate })));
      },
      'nnapi-absent',
    );
    expect(asked).toEqual(['nnapi-absent']);
  });

  test('a proof that fails is a failed check', async () => {
    const checks = await all(session({}), () => Promise.resolve(fail('proof-run', 'It broke.')));
    expect(checks.at(-1)).toMatchObject({ id: 'providers', status: 'failed', text: 'It broke.' });
  });
});
