import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, listSupportedBackends, type Tensor } from 'onnxruntime-node';
import { fail, ok, type Result } from '../../core/result.ts';
import { executionProviderSchema, type ExecutionProvider } from '../../core/runtime-pack.ts';
import { firstLine, sessionOptions } from '../engine/open-session.ts';
import type { LogitRows } from './compare-outputs.ts';
import { parseProfile, type KernelEvent } from './profile-events.ts';

/** A graph with one input, as providers are tried on it. */
export interface ProofGraph {
  /** For people, e.g. `static prefill, 128 tokens`. */
  readonly words: string;
  readonly model: string | Uint8Array;
  readonly options: Pick<InferenceSession.SessionOptions, 'extra'>;
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** The output that is compared. */
  readonly output: string;
  /** The next tokens' logits that follow from that output. */
  readonly logitsOf: (output: Float32Array) => Promise<LogitRows>;
}

export interface OpenedGraph {
  /** One run; the compared output. Failure `provider-run`. */
  readonly run: () => Promise<Result<Float32Array>>;
  /** Ends the session; the kernels of its runs where it was opened `profiled`, else none. */
  readonly close: () => Promise<Result<KernelEvent[]>>;
}

/** ONNX Runtime as the proof sees it; tests and made-up cases put another in its place. */
export interface ProofRuntime {
  /** Of the library, whatever was asked for. */
  readonly providers: readonly ExecutionProvider[];
  /**
   * `profiled`: optimized only as far as providers see graphs, so that nodes can be counted, and with ONNX Runtime's
   * profile. `serving`: as requests are served. Failure `provider-refused`.
   */
  readonly open: (
    graph: ProofGraph,
    provider: ExecutionProvider,
    mode: 'profiled' | 'serving',
  ) => Promise<Result<OpenedGraph>>;
}

/**
 * What a session is opened with. NNAPI without its own CPU device: what runs there would count as NNAPI and be a CPU.
 * Half floats inside: accelerators compute in them; the numerics are proved.
 */
export function sessionProviders(
  provider: ExecutionProvider,
  threads: number,
): InferenceSession.ExecutionProviderConfig[] {
  if (provider === 'nnapi') return [{ name: 'nnapi', cpuDisabled: true, useFP16: true }, 'cpu'];
  if (provider === 'cpu') return ['cpu'];
  // Its thread pool is its own, apart from the session's.
  const xnnpack = { name: 'xnnpack', intraOpNumThreads: threads } as const;
  return [xnnpack, 'cpu'];
}

/** Providers that the loaded ONNX Runtime library offers, of those that Bungee asks for. */
export function libraryProviders(): ExecutionProvider[] {
  const names = listSupportedBackends().map(({ name }) => name);
  return executionProviderSchema.options.filter((provider) => provider === 'cpu' || names.includes(provider));
}

/** ONNX Runtime itself. */
export function onnxRuntime(threads: number): ProofRuntime {
  return {
    providers: libraryProviders(),
    open: async (graph, provider, mode) => {
      const folder = mode === 'profiled' ? await mkdtemp(join(tmpdir(), 'bungee-proof-')) : null;
      try {
        return ok(opened(await createSession(graph, provider, threads, folder), graph, folder));
      } catch (error) {
        if (folder !== null) await rm(folder, { recursive: true, force: true });
        return fail('provider-refused', `The session does not open: ${firstLine(error)}.`);
      }
    },
  };
}

/** @param profileFolder null = not profiled. */
function createSession(
  { model, options }: ProofGraph,
  provider: ExecutionProvider,
  threads: number,
  profileFolder: string | null,
): Promise<InferenceSession> {
  const all: InferenceSession.SessionOptions = {
    ...sessionOptions(threads),
    ...options,
    executionProviders: sessionProviders(provider, threads),
    ...(profileFolder === null
      ? {}
      : {
          graphOptimizationLevel: 'basic',
          enableProfiling: true,
          profileFilePrefix: join(profileFolder, 'profile'),
        }),
  };
  return typeof model === 'string'
    ? InferenceSession.create(model, all)
    : InferenceSession.create(model, all);
}

function opened(session: InferenceSession, graph: ProofGraph, profileFolder: string | null): OpenedGraph {
  return {
    run: async () => {
      try {
        const data = (await session.run(graph.feeds))[graph.output]?.data;
        return data instanceof Float32Array
          ? ok(data)
          : fail('provider-run', `The run gave no float output \`${graph.output}\`.`);
      } catch (error) {
        return fail('provider-run', `The run failed: ${firstLine(error)}.`);
      }
    },
    close: async () => {
      if (profileFolder === null) {
        await session.release();
        return ok([]);
      }
      session.endProfiling();
      await session.release();
      const [file] = await readdir(profileFolder);
      const text = file === undefined ? '' : await readFile(join(profileFolder, file), 'utf8');
      await rm(profileFolder, { recursive: true, force: true });
      return parseProfile(text);
    },
  };
}
