import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unwrap } from '../../core/result.ts';
import { median, summarize } from '../../core/statistics.ts';
import { say } from '../shared/command-line.ts';
import { defaultBundle } from '../shared/default-bundle.ts';
import { hostDescription } from '../shared/host-description.ts';
import { bindingContenders, type BindingContender } from './binding-contenders.ts';
import { tinyGraphs, type TinyGraph } from './binding-graphs.ts';
import { decodeTokens, openDecoders } from './binding-tokens.ts';
import { goal, type Goal } from './engine-goals.ts';

export interface BindingBenchOptions {
  /** Default: the default bundle. */
  readonly bundle: string | null;
  readonly threads: number;
  readonly rounds: number;
  /** Runs of a tiny graph per round. */
  readonly runs: number;
  /** Tokens per round. */
  readonly decodeTokens: number;
}

/** Outputs that the binding makes anew, or tensors given to it. */
type Outputs = 'new' | 'given';

interface Way {
  readonly contender: BindingContender;
  readonly outputs: Outputs;
}

function preparedRun(graph: TinyGraph, { contender, outputs }: Way): { run: () => void; close: () => void } {
  const { Tensor } = contender.ort;
  const zeros = (dims: readonly number[]): InstanceType<typeof Tensor> =>
    new Tensor('float32', new Float32Array(dims.reduce((product, dim) => product * dim, 1)), dims);
  const session = contender.newSession();
  // A copy with a buffer of its own.
  const bytes = new Uint8Array(graph.bytes);
  session.loadModel(bytes.buffer, 0, bytes.byteLength, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  const feeds = Object.fromEntries(graph.inputs.map(({ name, dims }) => [name, zeros(dims)]));
  const fetches = Object.fromEntries(
    graph.outputs.map(({ name, dims }) => [name, outputs === 'given' ? zeros(dims) : null]),
  );
  return { run: () => void session.run(feeds, fetches, {}), close: () => session.dispose() };
}

/** Microseconds per run of each way, a block of runs of each in turn. */
function timeGraph(graph: TinyGraph, ways: readonly Way[], options: BindingBenchOptions): number[][] {
  const prepared = ways.map((way) => preparedRun(graph, way));
  const samples = ways.map((): number[] => []);
  for (let round = 0; round <= options.rounds; round++)
    for (const [w, { run }] of prepared.entries()) {
      const startedAt = performance.now();
      for (let i = 0; i < options.runs; i++) run();
      // The first round warms up.
      if (round > 0) samples[w]?.push(((performance.now() - startedAt) * 1000) / options.runs);
    }
  for (const { close } of prepared) close();
  return samples;
}

const nameOf = ({ contender, outputs }: Way): string =>
  `${contender.name}, outputs ${outputs === 'new' ? 'new on every run' : 'given'}`;

/** npm's binding against ours: time per run of graphs that cost nothing, and per token of the engine. */
export async function benchBinding(options: BindingBenchOptions, signal: AbortSignal): Promise<object> {
  const work = await mkdtemp(join(tmpdir(), 'bungee-bench-'));
  try {
    const { stock, ours, built } = unwrap(await bindingContenders(work, signal));
    const ways: Way[] = [
      { contender: stock, outputs: 'new' },
      { contender: ours, outputs: 'new' },
      { contender: stock, outputs: 'given' },
      { contender: ours, outputs: 'given' },
    ];
    const goals: Goal[] = [];
    const perRun = tinyGraphs().map((graph) => {
      signal.throwIfAborted();
      const samples = timeGraph(graph, ways, options);
      const medians = samples.map(median);
      const ratio = (medians[1] ?? NaN) / (medians[0] ?? NaN);
      goals.push(goal(`run() of ${graph.name}: ours / npm's`, 1, ratio, 'smaller', 1.05));
      say(`${graph.name}: ${ways.map((way, w) => `${nameOf(way)} ${medians[w]?.toFixed(1)} us`).join('; ')}`);
      return {
        graph: graph.name,
        us: Object.fromEntries(ways.map((way, w) => [nameOf(way), summarize(samples[w] ?? [])])),
        ratio,
        ratioGiven: (medians[3] ?? NaN) / (medians[0] ?? NaN),
      };
    });

    const dir = options.bundle ?? unwrap(await defaultBundle({ variant: 'int8' }, signal)).dir;
    const decoders = await openDecoders(dir, { stock, ours }, options.threads);
    const tokens = decoders.map((): number[] => []);
    try {
      for (let round = 0; round <= options.rounds; round++) {
        // Each is the first of a round in turn.
        for (let place = 0; place < decoders.length; place++) {
          signal.throwIfAborted();
          const d = (place + round) % decoders.length;
          const decoder = decoders[d];
          if (decoder === undefined) continue;
          const ms = await decodeTokens(decoder, options.decodeTokens);
          if (round > 0) tokens[d]?.push(median(ms));
        }
        say(`tokens: round ${round} of ${options.rounds}${round === 0 ? ' (warm-up, not counted)' : ''}`);
      }
    } finally {
      for (const decoder of decoders) await decoder.engine.dispose();
    }
    const tpot = tokens.map(median);
    for (const [d, decoder] of decoders.entries())
      if (d > 0)
        goals.push(
          goal(
            `TPOT: ${decoder.name} / npm`,
            options.threads,
            (tpot[d] ?? NaN) / (tpot[0] ?? NaN),
            'smaller',
            1,
          ),
        );
    return {
      bench: 'binding',
      host: hostDescription(),
      unit: 'us per run, ms per token; ratios are of medians within one interleaved run',
      binding: {
        target: built.target,
        compiler: built.compiler,
        version: built.version,
        sizeBytes: built.sizeBytes,
      },
      rounds: options.rounds,
      perRun,
      perToken: {
        bundle: dir,
        threads: options.threads,
        decoders: decoders.map(({ name }, d) => ({ name, tpotMs: summarize(tokens[d] ?? []) })),
      },
      goals,
    };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
