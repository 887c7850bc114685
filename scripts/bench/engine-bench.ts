import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Variant } from '../../core/bundle-manifest.ts';
import { FULL_LEVEL, type Level } from '../../core/level.ts';
import { unwrap } from '../../core/result.ts';
import { say } from '../shared/command-line.ts';
import { hostDescription } from '../shared/host-description.ts';
import { adapterGoals } from './adapter-goals.ts';
import { ContenderProcess } from './contender-process.ts';
import type { ContenderSpec } from './contender-protocol.ts';
import { prepareLlamaFiles, prepareVariant, type PreparedVariant } from './engine-inputs.ts';
import { llamaGoals, variantGoals, type Goal, type VariantMeasurement } from './engine-goals.ts';
import { measureInterleaved, type Measured } from './engine-samples.ts';

export interface EngineBenchOptions {
  /** GGUF or folder; default: the default model's base weights. */
  readonly model: string | null;
  readonly variants: readonly Variant[];
  readonly threads: readonly number[];
  readonly promptLengths: readonly number[];
  readonly decodeTokens: number;
  readonly rounds: number;
  readonly llama: boolean;
}

const SWITCHES = 2000;

function contendersOf(
  variants: readonly PreparedVariant[],
  llamaFiles: ReadonlyMap<string, string>,
  packageFolder: string | null,
  threads: number,
): { name: string; spec: ContenderSpec; levels: (Level | null)[] }[] {
  const ours = variants.flatMap(({ manifest, bundleDir, singleDir, bareDir }) => [
    {
      name: `elastic ${manifest.variant}`,
      spec: { kind: 'elastic' as const, bundleDir, threads },
      levels: manifest.levels.map(({ level }) => level),
    },
    ...(bareDir === null
      ? []
      : [
          {
            name: `bare ${manifest.variant}`,
            spec: { kind: 'elastic' as const, bundleDir: bareDir, threads },
            levels: manifest.levels.map(({ level }) => level),
          },
        ]),
    {
      name: `single ${manifest.variant}`,
      spec: { kind: 'elastic' as const, bundleDir: singleDir, threads },
      levels: [null],
    },
  ]);
  if (packageFolder === null) return ours;
  const llama = [...llamaFiles].map(([format, ggufFile]) => ({
    name: `llama.cpp ${format}`,
    spec: { kind: 'llama.cpp' as const, packageFolder, ggufFile, threads },
    levels: [null],
  }));
  return [...ours, ...llama];
}

/** Medians in ms of every contender, level and prompt length, as the JSON shows them. */
function table(measured: readonly Measured[]): object[] {
  return measured.map(({ contender, levels }) => ({
    contender: contender.name,
    form: contender.what,
    loadMs: contender.loadMs,
    pssBytes: contender.pssBytes(),
    levels: [...levels].map(([level, samples]) => ({ level: level ?? FULL_LEVEL, ...samples.report() })),
  }));
}

async function benchThreads(
  variants: readonly PreparedVariant[],
  llamaFiles: ReadonlyMap<string, string>,
  packageFolder: string | null,
  threads: number,
  options: EngineBenchOptions,
  signal: AbortSignal,
): Promise<{ threads: number; contenders: object[]; goals: Goal[] }> {
  const started: { contender: ContenderProcess; levels: (Level | null)[] }[] = [];
  try {
    for (const { name, spec, levels } of contendersOf(variants, llamaFiles, packageFolder, threads)) {
      const contender = await ContenderProcess.start(name, spec);
      started.push({ contender, levels });
      say(`${threads} thread(s): ${name} loaded in ${(contender.loadMs / 1000).toFixed(1)} s`);
    }
    const [first] = variants;
    if (first === undefined) throw new Error('no variant to bench');
    const plan = { ...options, vocabSize: first.manifest.model.vocabSize };
    const onRound = (round: number): void =>
      say(
        `${threads} thread(s): round ${round} of ${options.rounds}${round === 0 ? ' (warm-up, not counted)' : ''}`,
      );
    const measured = await measureInterleaved(started, plan, onRound, signal);
    const byName = new Map(measured.map((entry) => [entry.contender.name, entry]));
    const measurements: VariantMeasurement[] = [];
    for (const { manifest } of variants) {
      const elastic = byName.get(`elastic ${manifest.variant}`);
      const single = byName.get(`single ${manifest.variant}`);
      if (elastic === undefined || single === undefined) throw new Error('a contender is missing');
      const levels = manifest.levels.map(({ level }) => level);
      const switches = await elastic.contender.switchTimes({ op: 'switch', levels, times: SWITCHES });
      measurements.push({
        variant: manifest.variant,
        decoderRatios: new Map(manifest.levels.map(({ level, decoderRatio }) => [level, decoderRatio])),
        elastic,
        single,
        // The mean of many: one switch is shorter than the clock's grain.
        switchMs: switches.reduce((sum, ms) => sum + ms, 0) / switches.length,
      });
    }
    const llama = new Map(
      [...llamaFiles.keys()].flatMap((format): [string, Measured][] => {
        const entry = byName.get(`llama.cpp ${format}`);
        return entry === undefined ? [] : [[format, entry]];
      }),
    );
    const goals = [
      ...measurements.flatMap((measurement) => variantGoals(measurement, options.promptLengths, threads)),
      ...measurements.flatMap(({ variant, elastic }) => {
        const bare = byName.get(`bare ${variant}`);
        return bare === undefined
          ? []
          : adapterGoals({ variant, adapted: elastic, bare }, options.promptLengths, threads);
      }),
      ...(llama.size === 0 ? [] : llamaGoals(measurements, llama, options.promptLengths, threads)),
    ];
    return { threads, contenders: table(measured), goals };
  } finally {
    for (const { contender } of started) contender.stop();
  }
}

/**
 * Speed, memory and switch cost of every variant and level, beside the unsegmented graph of the same weights,
 * the same levels without recovery adapters and llama.cpp, all interleaved in one run per thread count.
 */
export async function benchEngine(options: EngineBenchOptions, signal: AbortSignal): Promise<object> {
  const variants: PreparedVariant[] = [];
  for (const variant of options.variants)
    variants.push(unwrap(await prepareVariant(options.model, variant, signal)));
  const llama = options.llama ? unwrap(await prepareLlamaFiles(options.model, signal)) : null;
  const runs = [];
  for (const threads of options.threads)
    runs.push(
      await benchThreads(
        variants,
        llama?.files ?? new Map(),
        llama?.packageFolder ?? null,
        threads,
        options,
        signal,
      ),
    );
  const goals = runs.flatMap((run) => run.goals);
  return {
    bench: 'engine',
    host: hostDescription(),
    commit: commitOf(),
    rounds: options.rounds,
    decodeTokens: options.decodeTokens,
    unit: 'ms; ratios are of medians within one interleaved run',
    bundles: variants.map(({ manifest, bundleDir }) => ({
      variant: manifest.variant,
      bundleId: manifest.bundleId,
      weights: join(bundleDir, manifest.graph.weights),
    })),
    runs: runs.map(({ threads, contenders }) => ({ threads, contenders })),
    goals,
    reached: goals.filter((entry) => entry.reached === true).length,
    missed: goals.filter((entry) => entry.reached === false).length,
  };
}

function commitOf(): string | null {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}
