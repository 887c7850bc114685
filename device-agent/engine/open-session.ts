import { availableParallelism } from 'node:os';
import { InferenceSession } from 'onnxruntime-node';
import { fail, ok, type Result } from '../../core/result.ts';

export function defaultThreads(): number {
  return availableParallelism();
}

/** What every session of the agent is opened with, whatever its provider. */
export function sessionOptions(threads: number): InferenceSession.SessionOptions {
  return {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // Errors reach the caller as exceptions; the runtime's own copy on stderr would be noise.
    logSeverityLevel: 4,
  };
}

/**
 * Opens a graph on the CPU. Worker threads of the runtime spin between kernels: without it decoding takes
 * half as long again (runtime reference §11); they sleep by themselves once no run is under way.
 * Failure `graph-rejected`.
 */
export async function openSession(graphFile: string, threads: number): Promise<Result<InferenceSession>> {
  try {
    return ok(
      await InferenceSession.create(graphFile, {
        ...sessionOptions(threads),
        executionProviders: ['cpu'],
      }),
    );
  } catch (error) {
    return fail(
      'graph-rejected',
      `ONNX Runtime cannot open ${graphFile}: ${firstLine(error)}.`,
      'Make or push the bundle again; if it persists, the runtime on this device lacks an operator.',
    );
  }
}

/** The first line of whatever was thrown, without a full stop. */
export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split('\n')[0] ?? text).replace(/\.$/, '');
}
