import { Command, InvalidArgumentError } from 'commander';
import { variantSchema, type Variant } from '../core/bundle-manifest.ts';
import { contenderSpecSchema } from './bench/contender-protocol.ts';
import { serveAsContender } from './bench/contender.ts';
import { benchBinding } from './bench/binding-bench.ts';
import { benchEngine } from './bench/engine-bench.ts';
import { printGoals } from './bench/print-goals.ts';
import { benchPush } from './bench/push-bench.ts';
import { benchTlm } from './bench/tlm-bench.ts';
import { printJson, runCommand } from './shared/command-line.ts';

function numbers(text: string): number[] {
  const list = text.split(',').map(Number);
  if (list.length === 0 || list.some((n) => !Number.isInteger(n) || n <= 0))
    throw new InvalidArgumentError('must be whole numbers above 0, separated by commas');
  return list;
}

function variants(text: string): Variant[] {
  return text.split(',').map((name) => {
    const parsed = variantSchema.safeParse(name);
    if (!parsed.success) throw new InvalidArgumentError(`must be among ${variantSchema.options.join(', ')}`);
    return parsed.data;
  });
}

// A contender is this same program in a process of its own, started by the engine bench.
const [, , verb, spec] = process.argv;
if (verb === 'contender') await serveAsContender(contenderSpecSchema.parse(JSON.parse(spec ?? '')));

const program = new Command('bench').description(
  'Measure side by side; figures are ratios of medians of one run.',
);
let chosen: ((signal: AbortSignal) => Promise<object>) | null = null;
const wantsJson = process.argv.includes('--json');

program
  .command('engine')
  .description('prefill, decode, memory and switch cost per variant and level, against llama.cpp')
  .option('--model <path>', 'GGUF or folder to build from (default: the default model)')
  .option('--variants <list>', 'int8,q8,q4,f32', variants, variantSchema.options)
  .option('--threads <list>', 'thread counts', numbers, [1, 2])
  .option('--prompts <list>', 'prompt lengths, tokens', numbers, [64, 256, 512])
  .option('--decode <n>', 'decoded tokens per run', (text) => numbers(text)[0] ?? 24, 24)
  .option('--rounds <n>', 'counted rounds', (text) => numbers(text)[0] ?? 5, 5)
  .option('--no-llama', 'leave llama.cpp out')
  .option('--json', 'print the result as one JSON line')
  .action(
    (options: {
      model?: string;
      variants: Variant[];
      threads: number[];
      prompts: number[];
      decode: number;
      rounds: number;
      llama: boolean;
    }) => {
      chosen = (signal) =>
        benchEngine(
          {
            model: options.model ?? null,
            variants: options.variants,
            threads: options.threads,
            promptLengths: options.prompts,
            decodeTokens: options.decode,
            rounds: options.rounds,
            llama: options.llama,
          },
          signal,
        );
    },
  );

program
  .command('push')
  .description('our push against `adb push` of the same files, and an unchanged second push')
  .option('--bundle <dir>', 'bundle to push (default: the default bundle)')
  .option('--links <list>', 'cable speeds besides unlimited loopback, Mbit/s', numbers, [1000])
  .option('--rounds <n>', 'counted rounds', (text) => numbers(text)[0] ?? 5, 5)
  .option('--json', 'print the result as one JSON line')
  .action((options: { bundle?: string; rounds: number; links: number[] }) => {
    const { bundle, rounds, links } = options;
    chosen = (signal) => benchPush({ bundle: bundle ?? null, rounds, links }, signal);
  });

program
  .command('tlm')
  .description('the TLM’s share of the full model’s TTFT')
  .option('--bundle <dir>', 'bundle with a TLM (default: the default bundle)')
  .option('--threads <list>', 'thread counts', numbers, [1, 2])
  .option('--prompts <list>', 'prompt lengths, tokens', numbers, [256, 512, 1024, 2048])
  .option('--rounds <n>', 'counted rounds', (text) => numbers(text)[0] ?? 9, 9)
  .option('--json', 'print the result as one JSON line')
  .action((options: { bundle?: string; threads: number[]; prompts: number[]; rounds: number }) => {
    const { bundle, threads, prompts, rounds } = options;
    chosen = (signal) =>
      benchTlm({ bundle: bundle ?? null, threads, promptLengths: prompts, rounds }, signal);
  });

program
  .command('binding')
  .description('npm’s binding of ONNX Runtime against ours: per run() and per token')
  .option('--bundle <dir>', 'bundle to decode with (default: the default bundle)')
  .option('--threads <n>', 'threads of the engine', (text) => numbers(text)[0] ?? 1, 1)
  .option('--rounds <n>', 'counted rounds', (text) => numbers(text)[0] ?? 15, 15)
  .option('--runs <n>', 'runs of a tiny graph per round', (text) => numbers(text)[0] ?? 2000, 2000)
  .option('--decode <n>', 'tokens per round', (text) => numbers(text)[0] ?? 24, 24)
  .option('--json', 'print the result as one JSON line')
  .action((options: { bundle?: string; threads: number; rounds: number; runs: number; decode: number }) => {
    const { bundle, threads, rounds, runs, decode } = options;
    chosen = (signal) =>
      benchBinding({ bundle: bundle ?? null, threads, rounds, runs, decodeTokens: decode }, signal);
  });

await runCommand(program, async (signal) => {
  if (chosen === null) return;
  const result = await chosen(signal);
  if (wantsJson) await printJson(result);
  else printGoals(result);
});
