import { createHash } from 'node:crypto';
import { Tokenizer } from '@huggingface/tokenizers';
import type { RecipeData } from '../../core/recipe.ts';
import { ok, type Result } from '../../core/result.ts';
import { calibrationWindows, type NamedWindows } from '../datasets/measuring-windows.ts';
import { textWindows, type TextWindows } from '../importance/calibration-text.ts';
import { isGradientCriterion, type ImportanceCriterion } from '../importance/criteria.ts';
import type { ImportanceWindow } from '../importance/gradient-model.ts';
import type { SourceModel } from '../sources/source-model.ts';

/** Text that importance and ranges are measured on. */
export interface CalibrationText {
  /** For the manifest. */
  readonly name: string;
  readonly windows: readonly ImportanceWindow[];
  /** More of it, for criteria that eliminate neurons by forward passes; the same where there is no more. */
  readonly eliminationWindows: readonly ImportanceWindow[];
  readonly data: RecipeData;
}

const WINDOW_TOKENS = 256;
const QUICK_WINDOWS = { calibrationWindows: 3, heldOutWindows: 3 };
/** Of each domain; what gradients cost less time to see than they still gain by seeing. */
const GRADIENT_WINDOWS = { windowsPerDomain: 12 };

/** Of each domain, to eliminate neurons by: 1536 of them want some ten thousands of tokens. */
const ELIMINATION_WINDOWS = 40;

/** No window is longer than the model takes. */
function windowTokens({ config }: SourceModel): number {
  return Math.min(WINDOW_TOKENS, config.contextLength);
}

/** A few windows of prose and instructions, and held-out ones for the manifest's perplexity. */
export function quickWindows(model: SourceModel, dataFolder: string | null): TextWindows {
  const tokenizer = new Tokenizer(JSON.parse(model.tokenizer.json), {});
  return textWindows(tokenizer, dataFolder, { ...QUICK_WINDOWS, windowTokens: windowTokens(model) });
}

function plainWindow(tokens: readonly number[]): ImportanceWindow {
  const ids = Int32Array.from(tokens);
  const lossWeights = new Float32Array(ids.length).fill(1);
  lossWeights[ids.length - 1] = 0;
  return { ids, documents: new Int32Array(ids.length), lossWeights, domain: 'text' };
}

/** SHA-256 over the token ids of windows: what was seen, whatever file it came from. */
export function windowsSha256(windows: readonly { readonly ids: Iterable<number> }[]): string {
  const hash = createHash('sha256');
  for (const { ids } of windows) hash.update(Int32Array.from(ids)).update('|');
  return hash.digest('hex');
}

/**
 * Text for a criterion: gradients see windows of every domain, the forward-only criteria a few. Failures: those of
 * `calibrationWindows`.
 */
export function calibrationText(
  model: SourceModel,
  dataFolder: string | null,
  criterion: ImportanceCriterion,
): Result<CalibrationText> {
  if (!isGradientCriterion(criterion)) {
    const quick = quickWindows(model, dataFolder);
    const windows = quick.calibration.map(plainWindow);
    return ok(textOf(quick.calibrationName, windows, windows));
  }
  const named = calibrationWindows(model.tokenizer, dataFolder, {
    ...GRADIENT_WINDOWS,
    windowTokens: windowTokens(model),
  });
  if (!named.ok) return named;
  const name = named.value.map((entry) => entry.name).join('; ');
  const windows = withDomains(named.value);
  if (criterion !== 'taylor-elimination') return ok(textOf(name, windows, windows));
  const more = calibrationWindows(model.tokenizer, dataFolder, {
    windowsPerDomain: ELIMINATION_WINDOWS,
    windowTokens: windowTokens(model),
  });
  return more.ok ? ok(textOf(name, windows, withDomains(more.value))) : more;
}

function withDomains(named: readonly NamedWindows[]): ImportanceWindow[] {
  return named.flatMap(({ windows, domain }) => windows.map((window) => ({ ...window, domain })));
}

function textOf(
  name: string,
  windows: readonly ImportanceWindow[],
  eliminationWindows: readonly ImportanceWindow[],
): CalibrationText {
  const seen = windows === eliminationWindows ? windows : [...windows, ...eliminationWindows];
  return {
    name,
    windows,
    eliminationWindows,
    data: { use: 'calibration', name, sha256: windowsSha256(seen) },
  };
}
