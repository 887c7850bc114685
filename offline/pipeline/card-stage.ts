import { mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import type { TrainingBudget } from '../../core/quality-card.ts';
import { unwrap } from '../../core/result.ts';
import type { CardStage } from '../bundle/build-variants.ts';
import { ownedName } from '../bundle/leftovers.ts';
import { heldOutWindows, sliceItems } from '../datasets/measuring-windows.ts';
import type { TrainingWindow } from '../datasets/window-packer.ts';
import { readBundleManifest } from '../evaluation/bundle-levels.ts';
import type { BundleInFolder } from '../evaluation/evaluate-levels.ts';
import { questionPart, textPart, type EvaluationSet } from '../evaluation/evaluation-set.ts';
import { modelText, type ModelText } from '../evaluation/model-text.ts';
import { measureQualityCard, type CardBundle } from '../evaluation/quality-card.ts';
import { spread } from '../evaluation/spread.ts';
import type { TextWindow } from '../evaluation/text-score.ts';
import type { Learned } from '../recipe/loaded-recipe.ts';
import type { SourceModel } from '../sources/source-model.ts';
import { windowsSha256 } from './calibration-text.ts';
import { writeUntouchedBundle } from './compared-bundle.ts';

/** How much of the held-out slice is measured. */
export interface CardExtent {
  readonly windowTokens: number;
  /** Of each kind of running text. */
  readonly windows: number;
  /** Of each file of questions. */
  readonly items: number;
}

export const DEFAULT_EXTENT: CardExtent = { windowTokens: 512, windows: 6, items: 24 };

/** Shorter documents are mostly template. */
const SHORTEST_DOCUMENT = 16;

/** The documents of a packed window, each as a sequence of its own. */
function documentsOf({ ids, documents }: TrainingWindow): TextWindow[] {
  const parts = new Map<number, number[]>();
  for (const [i, id] of ids.entries()) {
    const document = documents[i] as number;
    const part = parts.get(document);
    if (part === undefined) parts.set(document, [id]);
    else part.push(id);
  }
  return [...parts.values()]
    .filter(({ length }) => length >= SHORTEST_DOCUMENT)
    .map((part) => ({ ids: part, scoreFrom: 1 }));
}

/** Held-out text and questions: neither trained on nor chosen by. */
export function heldOutSet(
  model: SourceModel,
  text: ModelText,
  dataFolder: string | null,
  extent: CardExtent,
): EvaluationSet {
  const windowTokens = Math.min(extent.windowTokens, model.config.contextLength);
  const named = unwrap(
    heldOutWindows(model.tokenizer, dataFolder, { windowTokens, windowsPerDomain: extent.windows }),
  );
  const texts = named
    .filter(({ domain }) => domain === 'prose' || domain === 'instructions')
    .map(({ name, windows }) =>
      textPart(
        {
          name,
          sha256: windowsSha256(windows),
          sampling: `${windows.length} windows of ${windowTokens} tokens; the SHA-256 is of their token ids`,
        },
        windows.flatMap(documentsOf),
      ),
    );
  const questions = unwrap(sliceItems(dataFolder, 'heldOut')).map(({ name, domain, items }) => {
    const chosen = spread(items, extent.items);
    return questionPart(
      {
        name,
        sha256: windowsSha256(chosen.map(({ context }) => ({ ids: Buffer.from(context) }))),
        sampling: `${chosen.length} of ${items.length}, evenly spread; the SHA-256 is of their questions`,
      },
      domain === 'ui-steps' ? 'ui-steps' : 'multiple-choice',
      chosen.map((item) => ({ item, app: null })),
      text,
    );
  });
  return { texts, questions };
}

/** What was spent on a level, for the card. */
function budgetOf({ recovery }: Learned, level: number): TrainingBudget | null {
  const entry = recovery?.about.levels.find((candidate) => candidate.level === level);
  if (recovery === null || entry === undefined) return null;
  const { about } = recovery;
  const parts = [
    ...(about.sites.length === 0 ? [] : [`LoRA rank ${about.rank} on ${about.sites.join(' and ')}`]),
    ...(about.bias ? ['output bias'] : []),
    ...(about.norms ? ['norms'] : []),
  ];
  return {
    method: `${about.method}; of its own: ${parts.join(', ')}`,
    steps: entry.steps,
    tokens: entry.tokens,
    seeds: [about.seed],
  };
}

/** Measures perplexity, divergence and accuracy of every level, f32 and shipped variant, on held-out data. */
export function cardStage(
  model: SourceModel,
  dataFolder: string | null,
  extent: CardExtent = DEFAULT_EXTENT,
): CardStage {
  return async (folders, learned, onFraction, signal) => {
    const chosen = folders.filter(({ variant }, i) => i === 0 || variant === 'f32').reverse();
    const shipped = chosen.at(-1);
    if (shipped === undefined) throw new RangeError('a card needs a bundle');
    const changed = (learned.recovery?.shared ?? null) !== null;
    const beside = mkdtempSync(join(dirname(shipped.folder), ownedName('.untouched-')));
    try {
      const bundles: CardBundle[] = [];
      for (const { variant, folder } of chosen) {
        const bundle = { folder, manifest: unwrap(readBundleManifest(folder)) };
        const write = (): Promise<BundleInFolder> =>
          writeUntouchedBundle(
            join(beside, variant),
            { model, learned, variant },
            () => signal?.throwIfAborted(),
            signal,
          );
        bundles.push(changed ? { ...bundle, reference: await write() } : bundle);
      }
      const { manifest } = bundles.at(-1) as CardBundle;
      const text = modelText(new Tokenizer(JSON.parse(model.tokenizer.json), {}), manifest);
      const card = unwrap(
        await measureQualityCard(
          {
            model: { name: model.name, sha256: model.sha256 },
            bundles,
            set: heldOutSet(model, text, dataFolder, extent),
            recovery: (level) => budgetOf(learned, level),
          },
          ({ fraction }) => onFraction(fraction),
          signal,
        ),
      );
      return `${JSON.stringify(card, null, 1)}\n`;
    } finally {
      rmSync(beside, { recursive: true, force: true });
    }
  };
}
