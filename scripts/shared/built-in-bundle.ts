import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Variant } from '../../core/bundle-manifest.ts';
import type { Result } from '../../core/result.ts';
import { BUILT_IN_MODEL } from '../../offline/built-in/built-in-model.ts';
import { DEFAULT_MODEL } from './base-weights.ts';
import { say, sayFailure } from './command-line.ts';
import { defaultBundle, type BuiltBundle } from './default-bundle.ts';
import { PROJECT_FOLDER } from './folders.ts';

const FOLDER = join(PROJECT_FOLDER, 'assets', 'built-in');
/** Weights of the model that comes with the repository: no network is needed for it. */
export const BUILT_IN_WEIGHTS = join(FOLDER, `${BUILT_IN_MODEL}.Q8_0.gguf`);
const BUILT_IN_RECIPE = join(FOLDER, 'recipe');

/** The built-in model's bundle, for a phone whose processor is emulated; says why. Failures: those of `defaultBundle`. */
export function builtInForEmulation(variant: Variant, signal: AbortSignal): Promise<Result<BuiltBundle>> {
  say(
    `bundle: ${BUILT_IN_MODEL}, because a prompt of ${DEFAULT_MODEL} takes the emulator half a minute; its answers are no measure of anything. --bundle names another.`,
  );
  return builtIn(variant, signal);
}

function builtIn(variant: Variant, signal: AbortSignal): Promise<Result<BuiltBundle>> {
  return defaultBundle({ model: BUILT_IN_WEIGHTS, recipeFolder: BUILT_IN_RECIPE, variant }, signal);
}

/**
 * The default model's bundle; where its weights are neither cached nor to be had, the built-in model's, and that
 * is said. The next start tries the network again. Failures: those of `defaultBundle`.
 */
export async function defaultOrBuiltIn(variant: Variant, signal: AbortSignal): Promise<Result<BuiltBundle>> {
  const built = await defaultBundle({ variant }, signal);
  if (built.ok || built.failure.code !== 'no-weights' || !existsSync(BUILT_IN_WEIGHTS)) return built;
  sayFailure(built.failure);
  say('');
  say(`*** ${BUILT_IN_MODEL} stands in for ${DEFAULT_MODEL}. ***`);
  say('*** It shows how levels, deadlines and switching work; its answers are no measure of anything. ***');
  say('');
  return builtIn(variant, signal);
}
