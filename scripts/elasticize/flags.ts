import { Command, InvalidArgumentError, Option } from 'commander';
import { variantSchema, type Variant } from '../../core/bundle-manifest.ts';
import type { RuntimeSite } from '../../core/recovery-adapter.ts';
import {
  ATTENTION_UNITS,
  DEFAULT_ADAPTER,
  DEFAULT_CRITERION,
  DEFAULT_STEPS,
  IMPORTANCE_CRITERIA,
  LEVEL_POLICIES,
  RECOVERY_METHODS,
  type AttentionUnit,
  type ImportanceCriterion,
  type LevelPolicy,
  type RecoveryMethod,
} from '../../offline/index.ts';
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
  readonly steps: number;
  readonly rank: number;
  readonly sites: readonly RuntimeSite[];
  readonly bias: boolean;
  readonly card: boolean;
  readonly cardFile?: string;
  readonly seed: number;
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
    .option('--steps <n>', 'training steps per level', wholeNumberFrom(1), DEFAULT_STEPS)
    .option('--rank <n>', 'rank of the adapters', wholeNumberFrom(0), DEFAULT_ADAPTER.rank)
    .option('--sites <list>', 'where adapters act: o, mlp', listOf(SITES), DEFAULT_ADAPTER.sites)
    .option('--no-bias', 'train no output bias')
    .option('--no-card', 'measure no quality card')
    .option('--card-file <file>', 'take this quality card in place of a measured one')
    .option('--seed <n>', 'seed', wholeNumberFrom(0), 0)
    .option('--work <dir>', 'keep the stages here (default: beside --out, removed at success)')
    .option('--json', 'print the manifest (or the verdict) as one JSON line');
}

/** The flags that the result depends on, without paths: what manifest and recipe tell of the command. */
export function recordedCommand(flags: ElasticizeFlags): string {
  if (flags.recipe !== undefined) return `elasticize --recipe --variant ${flags.variant}`;
  const training =
    flags.recovery === 'none'
      ? ''
      : ` --steps ${flags.steps} --rank ${flags.rank} --sites ${flags.sites.join(',')}${flags.bias ? '' : ' --no-bias'}`;
  const segments = flags.segments === undefined ? '' : ` --segments ${flags.segments}`;
  const attention = flags.attention === 'auto' ? '' : ` --attention ${flags.attention}`;
  return (
    `elasticize --variant ${flags.variant} --criterion ${flags.criterion} --levels ${flags.levels}${segments}${attention} ` +
    `--recovery ${flags.recovery}${training} --seed ${flags.seed}`
  );
}
