import { mkdir } from 'node:fs/promises';
import { unwrap } from '../../core/result.ts';
import { verifyRecipe, type LoadedRecipe, type SourceModel } from '../../offline/index.ts';
import { printJson, say, throttledSay } from '../shared/command-line.ts';
import { cacheFolder } from '../shared/folders.ts';
import type { ElasticizeFlags } from './flags.ts';

/** Rebuilds a recipe's bundles and says whether they are what it records; exit code 1 where they are not. */
export async function verify(
  flags: ElasticizeFlags,
  recipe: LoadedRecipe,
  model: SourceModel,
  signal: AbortSignal,
): Promise<void> {
  const progress = throttledSay();
  const parent = cacheFolder('bundles');
  await mkdir(parent, { recursive: true });
  const verdict = unwrap(
    await verifyRecipe(
      recipe,
      model,
      parent,
      flags.record ?? null,
      (fraction) => progress(`${(fraction * 100).toFixed(0).padStart(3)} % rebuilding`, fraction === 1),
      signal,
    ),
  );
  if (!verdict.equal) process.exitCode = 1;
  if (flags.json === true) {
    await printJson(verdict);
    return;
  }
  for (const { variant, equal, recordedBundleId, rebuiltBundleId, different } of verdict.variants)
    say(
      equal
        ? `${variant}: equal, bundle ${rebuiltBundleId.slice(0, 12)}`
        : `${variant}: DIFFERENT in ${different.join(', ')}: recorded ${recordedBundleId.slice(0, 12)}, rebuilt ${rebuiltBundleId.slice(0, 12)}`,
    );
  say(
    verdict.equal
      ? 'verified: weights and recipe give the recorded bundles, bit for bit.'
      : 'NOT verified: weights and recipe do not give the recorded bundles.',
  );
}
