import type { Variant } from '../../core/bundle-manifest.ts';
import type { Level } from '../../core/level.ts';
import type { MeasuredText, QualityFigures } from '../../core/quality-card.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { OnProgress } from '../progress.ts';
import { openLevels, type LevelsManifest, type OpenLevels } from './bundle-levels.ts';
import type { EvaluationSet } from './evaluation-set.ts';
import { measureFigures } from './measure-figures.ts';

export interface EvaluatedLevel extends QualityFigures {
  readonly level: Level;
  readonly decoderRatio: number;
  readonly totalRatio: number;
  readonly variant: Variant;
}

export interface LevelsEvaluation {
  readonly levels: readonly EvaluatedLevel[];
  /** The full model that divergences are from, where that is not the bundle's own full level. */
  readonly reference: QualityFigures | null;
  readonly inputs: readonly MeasuredText[];
  /** Tokens run by all levels together. */
  readonly tokensRun: number;
}

/** A bundle, or one under way: `folder` holds graph, weights and, where the manifest names one, the adapters. */
export interface BundleInFolder {
  readonly folder: string;
  readonly manifest: LevelsManifest;
}

export interface EvaluateLevelsOptions extends BundleInFolder {
  readonly set: EvaluationSet;
  /**
   * The full model that divergences are from: the full level of this bundle (default), or of another one where recovery
   * has changed the weights of this.
   */
  readonly reference?: BundleInFolder | undefined;
  /** Default: all of the bundle's. */
  readonly levels?: readonly Level[] | undefined;
}

/** How every figure is made, in words, for reports and cards. */
export const CONVENTIONS: readonly string[] = [
  'Running text: each window is predicted from its own first token on, without context before it; BOS only where the model wants one. Perplexity = exp(mean negative log-likelihood per token).',
  'Several documents: each is a window of its own; of an answer to a prompt only the answer is predicted, after the prompt in the chat template.',
  'KL(full || level): mean over the predicted positions, whole vocabulary, nats per token; full = the full level of the same bundle, or the full model as it came (stored in the same variant) where recovery has changed the weights.',
  'Multiple choice and UI steps, no examples: log-likelihood of " " + choice after the context; acc takes the largest sum, accNorm the largest per UTF-8 byte of the choice; stderr = sqrt(p (1 - p) / n).',
  'Levels run as the engine runs them: with their recovery adapters, in runs of at most 256 tokens; the context of a question is run once for all of its choices.',
];

/**
 * Measures the levels of a bundle, or of one under way. Failures: `level-unknown`, `bundle-corrupt`, `cancelled`,
 * `other-model` where the reference reads other tokens.
 */
export async function evaluateLevels(
  options: EvaluateLevelsOptions,
  onProgress: OnProgress = () => undefined,
  signal?: AbortSignal,
): Promise<Result<LevelsEvaluation>> {
  const { manifest, set } = options;
  const wanted = options.levels ?? manifest.levels.map(({ level }) => level);
  const unknown = wanted.filter((level) => !manifest.levels.some((own) => own.level === level));
  if (unknown.length > 0)
    return fail(
      'level-unknown',
      `This bundle has no level ${unknown.join(', ')}.`,
      `It has ${manifest.levels.map(({ level }) => level).join(', ')}.`,
    );
  const { reference } = options;
  if (reference !== undefined && reference.manifest.model.vocabSize !== manifest.model.vocabSize)
    return fail(
      'other-model',
      `The reference (${reference.folder}) has a vocabulary of ${reference.manifest.model.vocabSize} tokens, the bundle one of ${manifest.model.vocabSize}.`,
      'Name a bundle of the same model.',
    );
  const opened = await openLevels(options.folder, manifest);
  if (!opened.ok) return opened;
  const { levels } = opened.value;
  let other: OpenLevels | null = null;
  try {
    if (reference !== undefined) {
      const openedReference = await openLevels(reference.folder, reference.manifest);
      if (!openedReference.ok) return openedReference;
      other = openedReference.value;
    }
    const full = (other ?? opened.value).levels.at(-1);
    if (full === undefined) throw new Error('a manifest has at least one level');
    const chosen = levels.filter(({ level }) => wanted.includes(level));
    const sources = [...chosen, ...(other === null ? [] : [full])].map(({ source }) => source);
    const { figures, tokensRun } = await measureFigures(sources, full.source, set, onProgress, signal);
    const evaluated = manifest.levels
      .filter(({ level }) => wanted.includes(level))
      .map(({ level, decoderRatio, totalRatio }, i) => {
        const own = figures[i];
        if (own === undefined) throw new Error(`level ${level} was not measured`);
        return { level, decoderRatio, totalRatio, variant: manifest.variant, ...own };
      });
    const inputs = [...set.texts, ...set.questions].map(({ about }) => about);
    const referenceFigures = other === null ? null : (figures[chosen.length] ?? null);
    return ok({ levels: evaluated, reference: referenceFigures, inputs, tokensRun });
  } catch (error) {
    if (signal?.aborted === true) return fail('cancelled', 'The evaluation was cancelled.');
    throw error;
  } finally {
    await other?.close();
    await opened.value.close();
  }
}
