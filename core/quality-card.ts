import { z } from 'zod';
import { variantSchema } from './bundle-manifest.ts';
import { levelSchema } from './level.ts';
import { parseJsonWith } from './parse.ts';
import type { Result } from './result.ts';

/** Name of the card in a bundle's folder and in a recipe's. */
export const QUALITY_CARD_FILE = 'quality-card.json';
export const QUALITY_CARD_SCHEMA_VERSION = 1;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hex');
const count = z.int().nonnegative();

/**
 * Shares of right answers, 0..1: `acc` takes the choice of the largest summed log-probability, `accNorm` of
 * the largest per UTF-8 byte of the choice. Standard errors are sqrt(p (1 - p) / n).
 */
export const accuracySchema = z.object({
  acc: z.number().min(0).max(1),
  accNorm: z.number().min(0).max(1),
  n: count,
  stderr: z.number().nonnegative(),
  stderrNorm: z.number().nonnegative(),
});
export type Accuracy = z.infer<typeof accuracySchema>;

/** Accuracy of a file whose items belong to apps (DroidTask) is told per app too. */
export const fileAccuracySchema = accuracySchema.extend({
  byApp: z.record(z.string(), accuracySchema).optional(),
});
export type FileAccuracy = z.infer<typeof fileAccuracySchema>;

/** What was measured of one form of the model; keys are the names of the card's `texts`. */
export const qualityFiguresSchema = z.object({
  perplexity: z.record(z.string(), z.number().positive()),
  /** Mean KL(full model as it came || this), nats per token. */
  kl: z.record(z.string(), z.number().nonnegative()),
  accuracy: z.record(z.string(), fileAccuracySchema),
  /** Standard deviation of the perplexity over seeds, where several were run. */
  perplexityStd: z.record(z.string(), z.number().nonnegative()).optional(),
});
export type QualityFigures = z.infer<typeof qualityFiguresSchema>;

/** Training that stands behind a figure. */
export const trainingBudgetSchema = z.object({
  /** E.g. `distillation, LoRA r16 on o and mlp, bias`. */
  method: z.string(),
  steps: count,
  /** Tokens seen, padding not counted. */
  tokens: count,
  seeds: z.array(z.int()).min(1),
});
export type TrainingBudget = z.infer<typeof trainingBudgetSchema>;

/** A text or a set of questions that figures were measured on, with as much of it as was used. */
export const measuredTextSchema = z.object({
  name: z.string().min(1),
  kind: z.enum(['text', 'multiple-choice', 'ui-steps']),
  /** Of the whole file. */
  sha256,
  /** Windows of a text; items of a set of questions. */
  pieces: count,
  /** Tokens that were predicted (a text) or run (questions, one level). */
  tokens: count,
  /** Which part, cut how: e.g. `8 windows of 512 tokens, evenly spread`. */
  sampling: z.string(),
});
export type MeasuredText = z.infer<typeof measuredTextSchema>;

export const cardLevelSchema = z.object({
  level: levelSchema,
  decoderRatio: z.number().min(0).max(1),
  totalRatio: z.number().min(0).max(1),
  /** Null: no recovery (the full level on frozen weights; a bundle without adapters). */
  recovery: trainingBudgetSchema.nullable(),
  /** By variant: `f32` and the shipped one. */
  figures: z.partialRecord(variantSchema, qualityFiguresSchema),
});
export type CardLevel = z.infer<typeof cardLevelSchema>;

/** Another model that the levels are compared with, measured on the same texts. */
export const comparisonSchema = z.object({
  /** `full` = the uncut model with the recovery of a level; part of any gain is adaptation to the text. */
  kind: z.enum(['full', 'layer-dropping', 'magnitude']),
  /** The level whose size it has; 100 for `full`. */
  level: levelSchema,
  decoderRatio: z.number().min(0).max(1),
  /** Null: not recovered. */
  recovery: trainingBudgetSchema.nullable(),
  variant: variantSchema,
  figures: qualityFiguresSchema,
  /** E.g. which layers were dropped. */
  note: z.string().optional(),
});
export type Comparison = z.infer<typeof comparisonSchema>;

/** Measured quality of a bundle: what its manifest's levels are worth, and against what. */
export const qualityCardSchema = z.object({
  schemaVersion: z.literal(QUALITY_CARD_SCHEMA_VERSION),
  model: z.object({ name: z.string(), sha256 }),
  shippedVariant: variantSchema,
  /** SHA-256 of the weight file (and of the adapters, where there are any) of each variant measured. */
  measuredOn: z.array(
    z.object({ variant: variantSchema, weightsSha256: sha256, adaptersSha256: sha256.nullable() }),
  ),
  texts: z.array(measuredTextSchema),
  levels: z.array(cardLevelSchema).min(1),
  /** The full model as it came, where recovery has changed the weights that all levels share; by variant. */
  untouched: z.partialRecord(variantSchema, qualityFiguresSchema).optional(),
  /** The full model with the same recovery; null: not measured. */
  control: comparisonSchema.nullable(),
  baselines: z.array(comparisonSchema),
  /** Conventions in words: windows, scoring, what differs from others' figures. */
  conventions: z.array(z.string()),
  environment: z.object({ cpu: z.string(), onnxruntime: z.string() }),
});
export type QualityCard = z.infer<typeof qualityCardSchema>;

/** Reads a card; failures `invalid-json`, `invalid-input` (names the first wrong field). */
export function parseQualityCard(text: string, where: string): Result<QualityCard> {
  return parseJsonWith(qualityCardSchema, text, where);
}
