import { Command } from 'commander';
import { APPS } from '../../core/app.ts';
import { fail, unwrap } from '../../core/result.ts';
import { formatSlo } from '../../core/slo.ts';
import { openTlm } from '../../device-agent/tlm/tlm.ts';
import {
  openLevels,
  openModelText,
  readBundleManifest,
  runtimeDescription,
  type OpenLevels,
} from '../../offline/evaluation/index.ts';
import { measureLatency } from '../../offline/evaluation/measure-latency.ts';
import {
  inTurn,
  judgeStrategies,
  measureTlmShare,
  otherSelectors,
  POLICY_MEANING,
  summarizeStrategies,
  tlmShareAt,
  type StrategiesSummary,
} from '../../offline/evaluation/strategies/index.ts';
import type { OnProgress } from '../../offline/index.ts';
import {
  evaluationFiles,
  evaluationRequests,
  longestPrompt,
} from '../../offline/tlm/requests/request-sets.ts';
import {
  LABEL_GRID,
  levelsIdentity,
  OutcomeRunner,
  OutcomeStore,
  strategiesOf,
} from '../../offline/tlm/strategies/index.ts';
import { measuredDevice } from './measured-device.ts';
import { printJson, say, throttledSay } from '../shared/command-line.ts';
import { dataFolder } from '../shared/data-folder.ts';
import { wholeNumberFrom } from '../shared/flag-values.ts';
import { cacheFolder } from '../shared/folders.ts';
import { hostDescription } from '../shared/host-description.ts';

export interface StrategyFlags {
  readonly bundle: string;
  readonly data?: readonly string[];
  readonly limit: number;
  readonly profile?: string;
  readonly seed: number;
  readonly work: string;
  readonly json?: true;
}

/** Requests of each set: all sets together take about a quarter of an hour on two cores. */
const DEFAULT_LIMIT = 12;

/** Declares `evaluate strategies`. */
export function strategiesCommand(): Command {
  return new Command('strategies')
    .description("the TLM's decisions and words against fixed strategies, per SLO of the six apps")
    .requiredOption('--bundle <dir>', 'bundle with a TLM')
    .option(
      '--data <file...>',
      'multiple choice (.jsonl, .json), DroidTask (.json), Octopus (.csv), LlamaTouch (.tsv); default: all of the data folder',
    )
    .option(
      '--limit <n>',
      'requests of each file, in a seeded order; 0 = all',
      wholeNumberFrom(0),
      DEFAULT_LIMIT,
    )
    .option('--profile <file>', "a phone's latency profile (default: this computer is measured)")
    .option('--seed <n>', 'seed of the choice of requests and examples', wholeNumberFrom(0), 0)
    .option('--work <dir>', 'what was run already; the command goes on from there', cacheFolder('strategies'))
    .option('--json', 'print the result as one JSON line');
}

function narrated(): OnProgress {
  const tell = throttledSay(5000);
  return ({ stage, fraction, etaSeconds }) =>
    tell(
      `${(fraction * 100).toFixed(0).padStart(3)} % ${stage}${etaSeconds === null ? '' : `, ${Math.ceil(etaSeconds)} s left`}`,
      fraction === 1,
    );
}

function printTable({ perSlo, average, bestFixed, gapClosed, requests }: StrategiesSummary): void {
  const percent = (value: number): string => (value * 100).toFixed(1).padStart(5);
  const names = Object.keys(average);
  for (const [title, figures] of [
    ...APPS.map(({ slo }, i) => [formatSlo(slo), perSlo[i] ?? {}] as const),
    ['mean of the six', average] as const,
  ]) {
    say(`\n${title} (${requests} requests)`);
    for (const name of names) {
      const own = figures[name];
      if (own !== undefined)
        say(
          `  ${name.padEnd(26)} accuracy ${percent(own.accuracy)} ± ${(own.stderr * 100).toFixed(1)}, within the SLO ${percent(own.accuracyWithinSlo)}, attainment ${percent(own.attainment)}, right answer ${own.logProbability.toFixed(2)} nats a token`,
        );
    }
  }
  const share = (value: number | null): string => (value === null ? '–' : `${(value * 100).toFixed(0)} %`);
  say(
    `\ntrained is ${(bestFixed.aheadBy * 100).toFixed(1)} ± ${(bestFixed.stderr * 100).toFixed(1)} points ahead of ${bestFixed.policy}; of the way from random it goes ${share(gapClosed.toOracle)} to the oracle, ${share(gapClosed.toHindsight)} to the best strategy of each set and SLO`,
  );
}

const CONVENTIONS: readonly string[] = [
  'a request is a chat prompt of one instruction, up to five examples and the question; the choice of the largest mean log-probability per token is the answer (paper §5.1)',
  'feasible: as the guard judges by the profile, headroom included; attainment: both predictions within the SLO; the TLM counts inside TTFT',
  `random, oracle and hindsight look at the feasible strategies of the grid that labels are measured at, ${LABEL_GRID.promptLevels.length} x ${LABEL_GRID.levels.length} (where fewer than four are feasible, of the whole grid); the oracle also at the policies' own`,
  'oracle: any feasible strategy right; over many strategies of a small model this is in good part luck',
  "hindsight: the best single strategy of a set and SLO, chosen on the set's other requests: what can be known without luck",
  'words: the trained decision, with the words chosen by something else than the score head',
  'where nothing is feasible the lightest strategy runs and attainment tells; accuracyWithinSlo counts only what is right and kept',
  'CommonsenseQA stands in for SciQ, which was not to be had where this was developed',
];

export async function evaluateStrategies(flags: StrategyFlags, signal: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  const host = hostDescription();
  const manifest = unwrap(readBundleManifest(flags.bundle));
  if (manifest.tlm === undefined) {
    unwrap(
      fail(
        'no-tlm',
        `${flags.bundle} has no TLM.`,
        'Train one with `npm run train-tlm` and build a bundle from its recipe.',
      ),
    );
    return;
  }
  const data = dataFolder();
  const files = flags.data ?? (data === null ? [] : evaluationFiles(data));
  if (files.length === 0)
    unwrap(fail('nothing-to-measure', 'There is no data folder: name files with --data.'));
  const text = unwrap(openModelText(flags.bundle, manifest));
  const perFile = files.map((path) =>
    unwrap(
      evaluationRequests([path], text, {
        perSet: flags.limit,
        seed: flags.seed,
        maxTokens: longestPrompt(text.contextLength),
      }),
    ),
  );
  const requests = inTurn(perFile.flat());
  const open: OpenLevels = unwrap(await openLevels(flags.bundle, manifest));
  const tlm = unwrap(await openTlm(flags.bundle, manifest.tlm, manifest.model.vocabSize));
  try {
    const full = open.levels.at(-1)?.source;
    if (full === undefined) throw new RangeError('a bundle without levels');
    const narrate = narrated();
    const ask = tlm.ask.bind(tlm);
    const { profile, share } = await measuredDevice(
      { work: flags.work, bundleId: manifest.bundleId, profile: flags.profile },
      {
        profile: () => measureLatency(open, manifest.bundleId, undefined, narrate, signal),
        share: () => measureTlmShare(ask, full, text.contextLength, signal),
      },
    );
    const store = OutcomeStore.open(flags.work, levelsIdentity(manifest));
    const runner = new OutcomeRunner(open.levels, store);
    const judgements = unwrap(
      await judgeStrategies(
        requests,
        APPS.map(({ slo }) => slo),
        {
          levels: manifest.levels.map(({ level }) => level),
          profile,
          quality: manifest.tlm.quality,
          ask,
          tlmShare: (tokens) => tlmShareAt(share, tokens),
          outcome: (request, scores, strategy) => runner.outcome(request, scores, strategy),
          selectors: otherSelectors(full),
          sampled: strategiesOf(LABEL_GRID),
        },
        narrate,
        signal,
      ),
    );
    const summary = summarizeStrategies(judgements);
    if (flags.json !== true) return printTable(summary);
    const { perSlo, ...rest } = summary;
    await printJson({
      slos: APPS.map(({ id, slo }, i) => ({ app: id, slo, contenders: perSlo[i] })),
      ...rest,
      policies: POLICY_MEANING,
      inputs: files.map((file, i) => ({ file, requests: perFile[i]?.length ?? 0 })),
      limit: flags.limit,
      seed: flags.seed,
      tlmShare: share.points,
      profile: { device: profile.device, measuredAt: profile.measuredAt },
      bundle: { id: manifest.bundleId, name: manifest.name, variant: manifest.variant },
      conventions: CONVENTIONS,
      environment: { ...host, ...runtimeDescription() },
      seconds: (performance.now() - startedAt) / 1000,
    });
  } finally {
    await tlm.dispose();
    await open.close();
  }
}
