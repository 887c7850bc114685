import { cpus } from 'node:os';
import type { Health } from '../../core/agent-api.ts';
import { isEmulated, type Device } from '../../core/device.ts';
import { describeProof, type ProviderProof } from '../../core/provider-proof.ts';
import type { Environment } from '../../core/run-record.ts';
import type { ChosenPack } from '../../core/runtime-pack.ts';

/** Where the figures of a session come from, as every table and export prints it. */
export function describeEnvironment(
  device: Device,
  health: Health | null,
  proof: ProviderProof | null,
  options: {
    readonly version: string;
    readonly thermal: boolean | null;
    readonly guardCorrection: boolean;
    readonly runtimePack: ChosenPack | null;
  },
): Environment {
  const isVirtual = device.kind === 'virtual';
  const emulated = isEmulated(device);
  const cores = cpus();
  const hostCpu = cores[0]?.model.trim() ?? process.arch;
  // A phone shows no core count that every vendor lets adb read; the agent takes all cores unless told.
  const coreCount = isVirtual ? cores.length : (health?.threads ?? 0);
  const cpu = emulated
    ? `arm64 emulated by qemu on ${hostCpu}`
    : isVirtual
      ? hostCpu
      : (device.soc ?? 'unknown');
  const name = device.model ?? device.serial;
  return {
    phone: device.kind,
    emulated,
    description: isVirtual
      ? `${emulated ? 'emulated arm64 (qemu)' : 'virtual phone'} on this CPU (${process.arch}, ${cores.length} cores, ${hostCpu})`
      : `${name}, Android ${device.androidVersion ?? '?'} (${device.abi ?? '?'}, ${cpu})`,
    cpu,
    cores: coreCount,
    hostNode: process.version,
    platform: `${process.platform} ${process.arch}`,
    agentNode: health?.runtime.node ?? null,
    agentPlatform: health?.runtime.arch ?? null,
    onnxruntime: health?.runtime.onnxruntime ?? null,
    runtimePack: options.runtimePack,
    provider: health?.runtime.provider ?? null,
    providerProof: proof === null ? [] : describeProof(proof),
    threads: health?.threads ?? null,
    thermal: isVirtual ? options.thermal : null,
    guardCorrection: options.guardCorrection,
    bungee: options.version,
  };
}
