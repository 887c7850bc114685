import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BundleManifest, Variant } from '../../../core/bundle-manifest.ts';
import type { AdapterShape, RuntimeSite } from '../../../core/recovery-adapter.ts';
import { unwrap } from '../../../core/result.ts';
import {
  elasticize,
  readRecipe,
  tinySourceModel,
  tinyTlm,
  type SourceModel,
} from '../../../offline/index.ts';
import { fakeRecovery } from '../../offline/support/fake-recovery.ts';

export interface TinyBundle {
  readonly dir: string;
  readonly manifest: BundleManifest;
  /** A fresh folder for an agent's own files. */
  readonly newHome: () => string;
  readonly remove: () => void;
}

/**
 * A bundle of the random tiny model in a temporary folder, with random adapters where their shape is given, and with a
 * random TLM where it is asked for.
 */
export async function makeTinyBundle(
  variant: Variant,
  options: {
    single?: boolean;
    contextLength?: number;
    model?: SourceModel;
    adapter?: AdapterShape<RuntimeSite>;
    tlm?: boolean;
  } = {},
): Promise<TinyBundle> {
  const root = mkdtempSync(join(tmpdir(), 'bungee-agent-'));
  const dir = join(root, 'bundle');
  const { contextLength, single } = options;
  const model =
    options.model ?? tinySourceModel(contextLength === undefined ? {} : { config: { contextLength } });
  const { adapter } = options;
  const recovered =
    adapter === undefined
      ? {}
      : { recovery: 'distill' as const, adapter, stages: { recover: fakeRecovery().stage } };
  const making = { model, out: dir, variant, dataFolder: null, single: single ?? false, ...recovered };
  const recipeOut = options.tlm === true ? join(root, 'recipe') : null;
  let manifest = unwrap(await elasticize({ ...making, recipeOut }));
  if (recipeOut !== null) {
    const recipe = unwrap(await readRecipe(recipeOut));
    const learned = { ...recipe.learned, tlm: tinyTlm(model.config.hiddenSize) };
    manifest = unwrap(await elasticize({ ...making, recipe: { ...recipe, learned } }));
  }
  return {
    dir,
    manifest,
    newHome: () => mkdtempSync(join(root, 'home-')),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}
