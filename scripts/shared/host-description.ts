import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

/** The computer that a figure was measured on, for every exported table. */
export interface HostDescription {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly platform: string;
  readonly node: string;
  /** Load average of the last minute; above 0 when the run began means that the machine was shared. */
  readonly loadAverage: number;
}

export function hostDescription(): HostDescription {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${process.platform}/${process.arch}`,
    node: process.versions.node,
    loadAverage: loadavg()[0] ?? 0,
  };
}
