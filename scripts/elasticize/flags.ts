import { Command, InvalidArgumentError, Option } from 'commander';
import { variantSchema, type Variant } from '../../core/bundle-manifest.ts';
import type { AdapterShape, RuntimeSite } from '../../core/recovery-adapter.ts';
import {
  ATTENTION_UNITS,
  DEFAULT_CRITERION,
  DEFAULT_SHARED_RANK,
  DEFAULT_STEPS,
  FROZEN_ADAPTER,
  IMPORTANCE_CRITERIA,
  LEVEL_POLICIES,
  RECOVERY_METHODS,
  SHARED_ADAPTER,
  type AttentionUnit,
  type ComputeDevice,
  type DeviceChoice,
  type ImportanceCriterion,
  type LevelPolicy,
  type RecoveryMethod,
} from '../../offline/index.ts';
import { deviceFlag } from '../shared/device-flag.ts';
import { wholeNumberFrom } from '../shared/flag-values.ts';

export interface ElasticizeFlags {
  /** Default: the default model's weights. */
  readonly model?: string;
  readonly out?: string;
  readonly variant: Variant;
  readonly recipe?: string;
  readonly recipeOut?: string;
  readonly record?: readonly Variant[];
  readonly verify?: true;
  readonly criterion: ImportanceCriterion;
  readonly levels: LevelPolicy;
  readonly segments?: number;
  readonly attention: AttentionUnit;
  readonly recovery: RecoveryMethod;
  readonly weights: 'shared' | 'frozen';
  readonly sharedRank: number;
  readonly steps?: number;
  readonly rank?: number;
  readonly sites?: readonly RuntimeSite[];
  readonly bias: boolean;
  readonly card: boolean;
  readonly cardFile?: string;
  readonly seed: number;
  readonly device: DeviceChoice;
  readonly work?: string;
  readonly json?: true;
}

function listOf<T extends string>(allowed: readonly T[]): (text: string) => T[] {
  return (text) =>
    text.split(',').map((part) => {
      const known = allowed.find((item) => item === part);
      if (known === undefined)
        throw new InvalidArgumentError(`takes ${allowed.join(', ')}, separated by commas`);
      return known;
    });
}

const SITES: readonly RuntimeSite[] = ['o', 'mlp'];

/** The command's flags with their defaults. */
export function elasticizeProgram(): Command {
  return new Command('elasticize')
    .description('make an elastic bundle from a model, or from a model and a recipe')
    .option('--model <gguf|folder|hub id>', 'weights to start from (default: the default model)')
    .option('--out <dir>', 'folder of the bundle')
    .addOption(
      new Option('--variant <name>', 'how weights are stored').choices(variantSchema.options).default('int8'),
    )
    .option('--recipe <dir>', 'build from this recipe: nothing is measured or trained')
    .option('--verify', 'rebuild the bundles of --recipe and compare them with what it records')
    .option('--recipe-out <dir>', 'write what was learned as a recipe')
    .option(
      '--record <variants>',
      'variants that the recipe records (default: all)',
      listOf(variantSchema.options),
    )
    .addOption(
      new Option('--criterion <name>', 'importance of units')
        .choices(IMPORTANCE_CRITERIA)
        .default(DEFAULT_CRITERION),
    )
    .addOption(
      new Option('--levels <policy>', 'shape of the levels').choices(LEVEL_POLICIES).default('proportional'),
    )
    .option(
      '--segments <n>',
      'MLP cells per layer before merging (levels: even, proportional)',
      wholeNumberFrom(1),
    )
    .addOption(
      new Option(
        '--attention <unit>',
        'cut by whole layers, or by KV groups (auto: where there are 8 or more)',
      )
        .choices(ATTENTION_UNITS)
        .default('auto'),
    )
    .addOption(
      new Option('--recovery <method>', 'how levels are trained').choices(RECOVERY_METHODS).default('mixed'),
    )
    .addOption(
      new Option(
        '--weights <how>',
        'shared: all levels learn jointly on one change of the weights; frozen: the full level stays exactly as it came, each level gets an adapter beside it (as in the paper)',
      )
        .choices(['shared', 'frozen'])
        .default('shared'),
    )
    .option(
      '--shared-rank <n>',
      'rank of the change that levels share',
      wholeNumberFrom(0),
      DEFAULT_SHARED_RANK,
    )
    .option(
      '--steps <n>',
      `training steps per level (default: shared ${DEFAULT_STEPS.shared}, frozen ${DEFAULT_STEPS.frozen})`,
      wholeNumberFrom(1),
    )
    .option('--rank <n>', 'rank of the adapters (default: shared 0, frozen 16)', wholeNumberFrom(0))
    .option(
      '--sites <list>',
      'where adapters act: o, mlp (default: shared nowhere, frozen mlp)',
      listOf(SITES),
    )
    .option('--no-bias', 'train no output bias')
    .option('--no-card', 'measure no quality card')
    .option('--card-file <file>', 'take this quality card in place of a measured one')
    .option('--seed <n>', 'seed', wholeNumberFrom(0), 0)
    .addOption(deviceFlag())
    .option('--work <dir>', 'keep the stages here (default: beside --out, removed at success)')
    .option('--json', 'print the manifest (or the verdict) as one JSON line');
}

/** What is trained of each level and of all together, and for how long. */
export function recoveryShape({ weights, sharedRank, rank, sites, bias, steps }: ElasticizeFlags): {
  readonly adapter: AdapterShape<RuntimeSite>;
  readonly sharedRank: number | null;
  readonly steps: number;
} {
  const usual = weights === 'shared' ? SHARED_ADAPTER : FROZEN_ADAPTER;
  return {
    adapter: { ...usual, sites: sites ?? usual.sites, rank: rank ?? usual.rank, bias },
    sharedRank: weights === 'shared' ? sharedRank : null,
    steps: steps ?? DEFAULT_STEPS[weights],
  };
}

/** The flags that the result depends on, without paths: what manifest and recipe tell of the command. */
export function recordedCommand(flags: ElasticizeFlags, device: ComputeDevice): string {
  if (flags.recipe !== undefined) return `elasticize --recipe --variant ${flags.variant}`;
  const training = flags.recovery === 'none' ? '' : trainingCommand(flags);
  const segments = flags.segments === undefined ? '' : ` --segments ${flags.segments}`;
  const attention = flags.attention === 'auto' ? '' : ` --attention ${flags.attention}`;
  return (
    `elasticize --variant ${flags.variant} --criterion ${flags.criterion} --levels ${flags.levels}${segments}${attention} ` +
    `--recovery ${flags.recovery}${training} --seed ${flags.seed}${device === 'cpu' ? '' : ` --device ${device}`}`
  );
}

function trainingCommand(flags: ElasticizeFlags): string {
  const { adapter, sharedRank, steps } = recoveryShape(flags);
  const weights = sharedRank === null ? 'frozen' : `shared --shared-rank ${sharedRank}`;
  const sites =
    adapter.sites.length === 0 ? '' : ` --rank ${adapter.rank} --sites ${adapter.sites.join(',')}`;
  return ` --weights ${weights} --steps ${steps}${sites}${adapter.bias ? '' : ' --no-bias'}`;
}
