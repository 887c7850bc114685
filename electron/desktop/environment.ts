import { cpus } from 'node:os';
import type { Health } from '../../core/agent-api.ts';
import type { Device } from '../../core/device.ts';
import type { Environment } from '../../core/run-record.ts';

/** Where the figures of a session come from, as every table and export prints it. */
export function describeEnvironment(
  device: Device,
  health: Health | null,
  options: { readonly version: string; readonly thermal: boolean | null; readonly guardCorrection: boolean },
): Environment {
  const isVirtual = device.kind === 'virtual';
  const cores = cpus();
  const hostCpu = cores[0]?.model.trim() ?? process.arch;
  // A phone shows no core count that every vendor lets adb read; the agent takes all cores unless told.
  const coreCount = isVirtual ? cores.length : (health?.threads ?? 0);
  const cpu = isVirtual ? hostCpu : (device.soc ?? 'unknown');
  const name = device.model ?? device.serial;
  return {
    phone: device.kind,
    description: isVirtual
      ? `virtual phone on this CPU (${process.arch}, ${cores.length} cores, ${hostCpu})`
      : `${name}, Android ${device.androidVersion ?? '?'} (${device.abi ?? '?'}, ${cpu})`,
    cpu,
    cores: coreCount,
    hostNode: process.version,
    platform: `${process.platform} ${process.arch}`,
    agentNode: health?.runtime.node ?? null,
    onnxruntime: health?.runtime.onnxruntime ?? null,
    provider: health?.runtime.provider ?? null,
    threads: health?.threads ?? null,
    thermal: isVirtual ? options.thermal : null,
    guardCorrection: options.guardCorrection,
    bungee: options.version,
  };
}
