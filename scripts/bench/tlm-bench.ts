import type { BundleManifest, BundleTlm } from '../../core/bundle-manifest.ts';
import { seededRandom } from '../../core/random.ts';
import { fail, ok, unwrap, type Result } from '../../core/result.ts';
import { median, summarize } from '../../core/statistics.ts';
import { openEngine, openTlm, readManifest } from '../../device-agent/index.ts';
import { say } from '../shared/command-line.ts';
import { defaultBundle } from '../shared/default-bundle.ts';
import { hostDescription } from '../shared/host-description.ts';
import { goal } from './engine-goals.ts';

export interface TlmBenchOptions {
  /** Default: the default bundle. */
  readonly bundle: string | null;
  readonly threads: readonly number[];
  readonly promptLengths: readonly number[];
  readonly rounds: number;
}

/** Largest share of the full model's TTFT that the TLM may take. */
const SHARE = 0.05;

interface Taken {
  readonly ms: number;
  /** Of all threads: steadier than the time on a busy computer. */
  readonly cpuMs: number;
}

async function timed(action: () => Promise<unknown>): Promise<Taken> {
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  await action();
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { ms, cpuMs: (user + system) / 1000 };
}

interface Samples {
  readonly promptTokens: number;
  readonly tlm: Taken[];
  readonly prefill: Taken[];
}

interface TlmBundle {
  readonly dir: string;
  readonly manifest: BundleManifest;
  readonly tlm: BundleTlm;
}

async function namedBundle(dir: string): Promise<Result<Omit<TlmBundle, 'tlm'>>> {
  const manifest = await readManifest(dir);
  return manifest.ok ? ok({ dir, manifest: manifest.value }) : manifest;
}

/** Failures: `no-tlm`, those of readManifest and defaultBundle. */
async function bundleWithTlm(folder: string | null, signal: AbortSignal): Promise<Result<TlmBundle>> {
  const found =
    folder === null ? await defaultBundle({ variant: 'int8' }, signal) : await namedBundle(folder);
  if (!found.ok) return found;
  const { dir, manifest } = found.value;
  return manifest.tlm === undefined
    ? fail(
        'no-tlm',
        `The bundle in ${dir} has no TLM.`,
        'Train one with `npm run train-tlm`, or name a --bundle.',
      )
    : ok({ dir, manifest, tlm: manifest.tlm });
}

/** Both in turn on each prompt, as the agent runs them; one round before the counted ones warms up. */
async function measure(
  bundle: TlmBundle,
  threads: number,
  { promptLengths, rounds }: TlmBenchOptions,
  signal: AbortSignal,
): Promise<Samples[]> {
  const { dir, manifest } = bundle;
  const { vocabSize } = manifest.model;
  const { engine } = unwrap(await openEngine({ bundleDir: dir, threads }));
  const tlm = unwrap(await openTlm(dir, bundle.tlm, vocabSize));
  const samples = promptLengths.map((promptTokens): Samples => ({ promptTokens, tlm: [], prefill: [] }));
  try {
    for (let round = 0; round <= rounds; round++) {
      for (const { promptTokens, tlm: asked, prefill } of samples) {
        signal.throwIfAborted();
        const random = seededRandom(round * 10_000 + promptTokens);
        // Prompts begin alike, as chats do: the engine remembers a first token that it runs by itself.
        const tokens = Array.from({ length: promptTokens }, (_, i) =>
          i === 0 ? 1 : Math.floor(random() * vocabSize),
        );
        // Half of the tokens may be dropped, in words of two.
        const words = Int32Array.from(tokens, (_, i) => (i < promptTokens / 2 ? i >> 1 : -1));
        const question = { tokens, words, ratios: { ttft: 0.5, tpot: 0.5 } };
        const ofTlm = await timed(() => tlm.ask(question));
        const ofPrefill = await timed(async () => {
          const sequence = engine.open(promptTokens, 1);
          await engine.prefill(sequence, tokens);
          engine.close(sequence);
        });
        if (round === 0) continue;
        asked.push(ofTlm);
        prefill.push(ofPrefill);
      }
      say(`${threads} thread(s): round ${round} of ${rounds}${round === 0 ? ' (warm-up, not counted)' : ''}`);
    }
  } finally {
    await tlm.dispose();
    await engine.dispose();
  }
  return samples;
}

/** The TLM's time beside the full model's TTFT on the same prompts, interleaved in one run per thread count. */
export async function benchTlm(options: TlmBenchOptions, signal: AbortSignal): Promise<object> {
  const bundle = unwrap(await bundleWithTlm(options.bundle, signal));
  const runs = [];
  for (const threads of options.threads) {
    const samples = await measure(bundle, threads, options, signal);
    runs.push({
      threads,
      prompts: samples.map(({ promptTokens, tlm, prefill }) => {
        const of = (pick: (taken: Taken) => number): { tlm: number[]; prefill: number[] } => ({
          tlm: tlm.map(pick),
          prefill: prefill.map(pick),
        });
        const [wall, cpu] = [of(({ ms }) => ms), of(({ cpuMs }) => cpuMs)];
        return {
          promptTokens,
          tlmMs: summarize(wall.tlm),
          ttftMs: summarize(wall.prefill),
          share: median(wall.tlm) / median(wall.prefill),
          cpuShare: median(cpu.tlm) / median(cpu.prefill),
        };
      }),
    });
  }
  return {
    bench: 'tlm',
    host: hostDescription(),
    unit: 'ms; shares are of medians within one interleaved run',
    bundle: {
      variant: bundle.manifest.variant,
      bundleId: bundle.manifest.bundleId,
      tlm: bundle.tlm.config,
    },
    rounds: options.rounds,
    runs,
    goals: runs.flatMap(({ threads, prompts }) =>
      prompts.map(({ promptTokens, share }) =>
        goal(
          `TLM's share of the full model's TTFT at ${promptTokens} tokens`,
          threads,
          share,
          'smaller',
          SHARE,
        ),
      ),
    ),
  };
}
