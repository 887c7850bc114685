import { describe, expect, it } from 'vitest';
import {
  elasticizeProgram,
  recordedCommand,
  recoveryShape,
  type ElasticizeFlags,
} from '../../scripts/elasticize/flags.ts';

function flagsOf(...args: readonly string[]): ElasticizeFlags {
  return elasticizeProgram().parse(args, { from: 'user' }).opts<ElasticizeFlags>();
}

describe('the flags of recovery', () => {
  it.each<[string, readonly string[], ReturnType<typeof recoveryShape>]>([
    [
      'nothing: a change that all levels share, and norms and a bias of each',
      [],
      { adapter: { sites: [], rank: 0, bias: true, norms: true }, sharedRank: 16, steps: 260 },
    ],
    [
      '--weights frozen: an adapter beside each MLP',
      ['--weights', 'frozen'],
      { adapter: { sites: ['mlp'], rank: 16, bias: true, norms: false }, sharedRank: null, steps: 130 },
    ],
    [
      'shared weights with adapters beside them',
      ['--shared-rank', '8', '--sites', 'o,mlp', '--rank', '4', '--no-bias', '--steps', '9'],
      { adapter: { sites: ['o', 'mlp'], rank: 4, bias: false, norms: true }, sharedRank: 8, steps: 9 },
    ],
  ])('%s', (_, args, expected) => {
    expect(recoveryShape(flagsOf(...args))).toEqual(expected);
  });

  it('are what the manifest tells of the command, without paths', () => {
    expect(recordedCommand(flagsOf('--out', 'here', '--steps', '7'), 'cpu')).toBe(
      'elasticize --variant int8 --criterion taylor-elimination --levels proportional --recovery mixed --weights shared --shared-rank 16 --steps 7 --seed 0',
    );
    expect(recordedCommand(flagsOf('--weights', 'frozen', '--steps', '7', '--no-bias'), 'cpu')).toContain(
      '--weights frozen --steps 7 --rank 16 --sites mlp --no-bias',
    );
    expect(recordedCommand(flagsOf('--recovery', 'none'), 'cpu')).not.toContain('--weights');
    expect(recordedCommand(flagsOf(), 'cuda')).toMatch(/ --seed 0 --device cuda$/);
  });
});
