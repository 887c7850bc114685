import { cpus } from 'node:os';
import { describe, expect, it } from 'vitest';
import { deviceSchema, EMULATED_SOC } from '../../core/device.ts';
import { environmentSchema } from '../../core/run-record.ts';
import { describeEnvironment } from '../../electron/desktop/environment.ts';

const PHONE = deviceSchema.parse({
  serial: 'S',
  state: 'device',
  kind: 'virtual',
  alias: null,
  model: 'Pixel 8 (virtual)',
  androidVersion: '14',
  sdk: 34,
  abi: 'x86_64',
  soc: 'Bungee virtual x86_64',
  freeBytes: null,
  telemetry: null,
});
const OPTIONS = { version: '0', thermal: false, guardCorrection: true, runtimePack: null };
const hostCpu = cpus()[0]?.model.trim() ?? process.arch;

describe('where figures come from', () => {
  it('is this CPU on a virtual phone', () => {
    const environment = describeEnvironment(PHONE, null, null, OPTIONS);
    expect(environment).toMatchObject({ phone: 'virtual', emulated: false, cpu: hostCpu });
    expect(environment.description).toMatch(/^virtual phone on this CPU \(/);
  });

  it('is an emulated processor where the phone says that its processor is emulated', () => {
    const soc = `Bungee virtual arm64-v8a, ${EMULATED_SOC}`;
    const environment = describeEnvironment({ ...PHONE, abi: 'arm64-v8a', soc }, null, null, OPTIONS);
    expect(environment).toMatchObject({ phone: 'virtual', emulated: true });
    expect(environment.description).toMatch(/^emulated arm64 \(qemu\) on this CPU \(/);
    expect(environment.cpu).not.toBe(hostCpu);
  });

  it('is the phone itself on a real one, whatever its processor is called', () => {
    const soc = `Acme, ${EMULATED_SOC}`;
    const environment = describeEnvironment({ ...PHONE, kind: 'physical', soc }, null, null, OPTIONS);
    expect(environment).toMatchObject({ phone: 'physical', emulated: false, cpu: soc });
  });

  it('is read from records of runs that knew no emulation', () => {
    const { emulated: _unknown, ...old } = describeEnvironment(PHONE, null, null, OPTIONS);
    expect(environmentSchema.parse(old).emulated).toBe(false);
  });
});
