import { RUN_SCHEMA_VERSION, type LiveEvent, type RunRecord } from '../../../core/run-record.ts';
import { traceSpecSchema } from '../../../core/trace.ts';

/** A run that has just begun. */
export function record(id: string, change: Partial<RunRecord> = {}): RunRecord {
  return {
    schemaVersion: RUN_SCHEMA_VERSION,
    id,
    status: 'running',
    failure: null,
    startedAt: '2026-11-22T18:00:00.000Z',
    endedAt: null,
    device: { serial: 'S', kind: 'virtual', model: 'Pixel' },
    model: 'M',
    bundle: { id: 'b', name: 'B', variant: 'int8' },
    trace: traceSpecSchema.parse({}),
    slos: {},
    profile: null,
    push: null,
    environment: {
      phone: 'virtual',
      emulated: false,
      description: 'virtual phone on this CPU (x64, 2 cores, "Some, CPU")',
      cpu: 'c',
      cores: 2,
      hostNode: 'v20',
      platform: 'linux x64',
      agentNode: null,
      agentPlatform: null,
      onnxruntime: null,
      runtimePack: null,
      provider: null,
      providerProof: [],
      threads: null,
      thermal: false,
      guardCorrection: true,
      bungee: '0',
    },
    summary: null,
    ...change,
  };
}

export const note = (text: string): LiveEvent => ({ kind: 'note', hostAtMs: 1, severity: 'info', text });
