import { mkdirSync, rmSync } from 'node:fs';
import type { BundleManifest } from '../../core/bundle-manifest.ts';
import { finishBundle } from '../bundle/finish-bundle.ts';
import { writeBundleContent, type BundleInputs } from '../bundle/write-content.ts';
import type { BundleInFolder } from '../evaluation/evaluate-levels.ts';
import { planSingle } from '../levels/level-plan.ts';
import type { OnFraction } from './stages.ts';

/** Writes a bundle that is measured and thrown away, in place of what a killed run has left in the folder. */
export async function writeComparedBundle(
  folder: string,
  inputs: BundleInputs,
  onFraction: OnFraction,
  signal: AbortSignal | undefined,
): Promise<BundleManifest> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const parts = writeBundleContent(folder, inputs, onFraction);
  const { levels } = inputs.learned.plan;
  const madeBy = { version: '', command: 'comparison', seed: 0 };
  return finishBundle(folder, inputs, { levels, parts, qualityCard: null, madeBy }, signal);
}

/** The full model as it came, in one uncut level: what divergences are from where the weights were changed. */
export async function writeUntouchedBundle(
  folder: string,
  { model, learned, variant }: BundleInputs,
  onFraction: OnFraction,
  signal: AbortSignal | undefined,
): Promise<BundleInFolder> {
  const untouched = { ...learned, plan: planSingle(model.config), recovery: null, tlm: null };
  const manifest = await writeComparedBundle(
    folder,
    { model, learned: untouched, variant },
    onFraction,
    signal,
  );
  return { folder, manifest };
}
