import { z } from 'zod';
import { levelSchema } from './level.ts';
import { modelConfigSchema } from './model-config.ts';
import { fail, ok, type Result } from './result.ts';
import { firstIssue } from './parse.ts';
import { adapterLayout } from './recovery-adapter.ts';
import { strategyQualitySchema } from './strategy-quality.ts';
import { tlmConfigSchema } from './tlm.ts';

/** Newest version of the bundle's layout; readers refuse newer ones. */
export const BUNDLE_SCHEMA_VERSION = 2;
/** Bundles whose levels share their norms are as they were in version 1, and so are the bytes of their manifests. */
const VERSION_WITHOUT_NORMS = 1;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hex');
const count = z.int().nonnegative();
/** Relative, forward slashes, no `..`: a manifest never points outside of its bundle. */
export const bundlePathSchema = z
  .string()
  .regex(/^(?!\/)(?!.*(^|\/)\.\.?(\/|$))[\w.\-+/]+$/, 'must be a plain relative path');

/** How weights are stored; each with its own speed, size and measured quality. */
export const variantSchema = z.enum(['int8', 'q8', 'q4', 'f32']);
export type Variant = z.infer<typeof variantSchema>;

/**
 * A segment is a run of a layer's units, most important first, that is switched as one: whole KV groups
 * (`attention`) or MLP neurons (`mlp`). `unitStart` counts in the layer's reordered units.
 */
export const segmentSchema = z.object({
  layer: count,
  kind: z.enum(['attention', 'mlp']),
  unitStart: count,
  units: z.int().positive(),
  params: z.int().positive(),
});
export type Segment = z.infer<typeof segmentSchema>;

/** A level: the first `prefix` segments of the ranking are on. */
export const bundleLevelSchema = z.object({
  level: levelSchema,
  prefix: count,
  /** Share of decoder parameters kept, 0..1. */
  decoderRatio: z.number().min(0).max(1),
  /** Share of all parameters kept, embedding and head included. */
  totalRatio: z.number().min(0).max(1),
  /** Measured on named held-out text, on this variant; absent = not measured. */
  quality: z.object({ text: z.string(), tokens: count, perplexity: z.number().positive() }).optional(),
});
export type BundleLevel = z.infer<typeof bundleLevelSchema>;

/** What brings cut levels back beside weights that all levels share: a small adapter per level. */
export const recoverySchema = z.object({
  /** Adapters of all levels, one after the other, each as core/recovery-adapter.ts lays it out. */
  file: bundlePathSchema,
  elementType: z.literal('float16'),
  sites: z.array(z.enum(['o', 'mlp'])),
  rank: count,
  bias: z.boolean(),
  norms: z.boolean().default(false),
  /** Levels that have an adapter, in the order of the file; with `norms` all of them, else all but the full one. */
  levels: z.array(z.object({ level: levelSchema, offset: count, lengthBytes: count })),
  /** How they were found, for people. */
  method: z.string(),
});
export type BundleRecovery = z.infer<typeof recoverySchema>;

/** The dual-head tiny language model (core/tlm.ts); its embedding is that of the graph's weights file. */
export const bundleTlmSchema = z.object({
  graph: bundlePathSchema,
  /** Its parameters, float32, which the graph maps. */
  weights: bundlePathSchema,
  config: tlmConfigSchema,
  /** What strategies are worth on requests with known answers. */
  quality: strategyQualitySchema,
  /** How it was trained, for people. */
  method: z.string(),
});
export type BundleTlm = z.infer<typeof bundleTlmSchema>;

/** Static prefill graphs (core/static-prefill.ts), one file per level that has one; they map the weights and adapters. */
export const staticPrefillSchema = z.object({
  /** Token ids to embedding rows. */
  embedding: bundlePathSchema,
  levels: z.array(z.object({ level: levelSchema, graph: bundlePathSchema })),
});
export type BundleStaticPrefill = z.infer<typeof staticPrefillSchema>;

export const bundleFileSchema = z.object({ path: bundlePathSchema, sizeBytes: count, sha256 });
export type BundleFile = z.infer<typeof bundleFileSchema>;

export const bundleManifestSchema = z
  .object({
    schemaVersion: z.literal([VERSION_WITHOUT_NORMS, BUNDLE_SCHEMA_VERSION]),
    /** Content identity: SHA-256 over the manifest without this field. */
    bundleId: sha256,
    name: z.string().min(1).max(200),
    variant: variantSchema,
    model: modelConfigSchema,
    tokenizer: z.object({
      file: bundlePathSchema,
      /** Jinja chat template of the model. */
      chatTemplate: z.string(),
      bosTokenId: count.nullable(),
      eosTokenIds: z.array(count).min(1),
      /** Whether encoding a raw prompt puts the BOS token first. */
      addBos: z.boolean(),
    }),
    graph: z.object({
      /** Off segments run on zero rows (one kernel launch each). */
      zeroRow: bundlePathSchema,
      /** The same graph with a depth-1 `If` per optional segment; for providers that refuse empty matrices. */
      conditional: bundlePathSchema,
      /** Both graphs map this file. */
      weights: bundlePathSchema,
      /** Run the first prompt token by itself: its outlier activations spoil per-tensor int8 scales. */
      firstTokenAlone: z.boolean(),
    }),
    segments: z.array(segmentSchema).min(1),
    /** Indices into `segments`, most important first; all segments appear exactly once. */
    ranking: z.array(count),
    /** How many segments at the front of the ranking are on at every level (the graphs do not gate them). */
    alwaysOn: count,
    levels: z.array(bundleLevelSchema).min(1),
    recovery: recoverySchema.optional(),
    tlm: bundleTlmSchema.optional(),
    staticPrefill: staticPrefillSchema.optional(),
    files: z.array(bundleFileSchema).min(1),
    licence: z.object({ spdx: z.string(), notice: z.string() }),
    madeBy: z.object({
      tool: z.string(),
      version: z.string(),
      command: z.string(),
      /** The weights that it was made from. */
      source: z.object({ name: z.string(), sha256, format: z.string() }),
      /**
       * Other weights of the same model, where order, recovery and quality were found on those and nothing was
       * measured on `source`; absent = all of it is `source`'s.
       */
      measuredOn: z.object({ name: z.string(), sha256, format: z.string() }).optional(),
      importance: z.string(),
      calibration: z.string(),
      seed: z.int(),
    }),
  })
  .superRefine((manifest, context) => {
    const problem = (message: string, ...path: (string | number)[]): void =>
      context.addIssue({ code: 'custom', message, path });
    const seen = new Set(manifest.ranking);
    if (seen.size !== manifest.ranking.length || seen.size !== manifest.segments.length)
      problem('must name every segment exactly once', 'ranking');
    if (manifest.ranking.some((index) => index >= manifest.segments.length))
      problem('names a segment that does not exist', 'ranking');
    let before = manifest.alwaysOn;
    for (const [i, level] of manifest.levels.entries()) {
      if (level.prefix < before || level.prefix > manifest.ranking.length)
        problem('levels must be nested: prefixes ascend within the ranking', 'levels', i, 'prefix');
      before = level.prefix;
    }
    if (manifest.levels.at(-1)?.prefix !== manifest.ranking.length)
      problem('the last level must be the full model', 'levels');
    const paths = new Set(manifest.files.map((file) => file.path));
    for (const path of [
      manifest.tokenizer.file,
      manifest.graph.zeroRow,
      manifest.graph.conditional,
      manifest.graph.weights,
      ...(manifest.tlm === undefined ? [] : [manifest.tlm.graph, manifest.tlm.weights]),
      ...(manifest.staticPrefill === undefined ? [] : staticFiles(manifest.staticPrefill)),
    ])
      if (!paths.has(path)) problem(`${path} is not listed`, 'files');
    const { recovery } = manifest;
    if (recovery === undefined) return;
    const file = manifest.files.find(({ path }) => path === recovery.file);
    if (file === undefined) problem(`${recovery.file} is not listed`, 'files');
    const lengthBytes = 2 * adapterLayout(manifest.model, recovery).total;
    const known = new Set(manifest.levels.map(({ level }) => level));
    for (const [i, entry] of recovery.levels.entries()) {
      if (!known.delete(entry.level))
        problem('is no level, or is named twice', 'recovery', 'levels', i, 'level');
      if (entry.lengthBytes !== lengthBytes)
        problem(`must be ${lengthBytes} for this shape`, 'recovery', 'levels', i, 'lengthBytes');
      if (file !== undefined && entry.offset + entry.lengthBytes > file.sizeBytes)
        problem('lies beyond the end of the file', 'recovery', 'levels', i, 'offset');
    }
    if (recovery.norms && known.size > 0)
      problem(`level ${[...known].join(', ')} has no norms of its own`, 'recovery', 'levels');
  });
export type BundleManifest = z.infer<typeof bundleManifestSchema>;

/** Version of the layout that a bundle with this recovery has. */
export function bundleSchemaVersion(recovery: BundleRecovery | null): BundleManifest['schemaVersion'] {
  return recovery?.norms === true ? BUNDLE_SCHEMA_VERSION : VERSION_WITHOUT_NORMS;
}

/** Paths of a bundle's static prefill graphs. */
export function staticFiles({ embedding, levels }: BundleStaticPrefill): string[] {
  return [embedding, ...levels.map(({ graph }) => graph)];
}

export const MANIFEST_FILE = 'manifest.json';

/**
 * Reads a manifest; failures: `bundle-foreign` (no Bungee manifest), `bundle-newer` (schema of a later
 * version), `bundle-corrupt` (names the first wrong field).
 *
 * @param where the file, for the message.
 */
export function parseManifest(text: string, where: string): Result<BundleManifest> {
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch {
    return fail('bundle-foreign', `${where} is not JSON.`, 'Point --bundle at a folder that Bungee wrote.');
  }
  const version = z.object({ schemaVersion: z.number() }).safeParse(input);
  if (!version.success)
    return fail(
      'bundle-foreign',
      `${where} is not a Bungee bundle manifest (no schemaVersion).`,
      'Point --bundle at a folder that Bungee wrote.',
    );
  if (version.data.schemaVersion > BUNDLE_SCHEMA_VERSION)
    return fail(
      'bundle-newer',
      `${where} has schema version ${version.data.schemaVersion}; this Bungee reads up to ${BUNDLE_SCHEMA_VERSION}.`,
      'Update Bungee, or make the bundle again with this version.',
    );
  const parsed = bundleManifestSchema.safeParse(input);
  return parsed.success
    ? ok(parsed.data)
    : fail(
        'bundle-corrupt',
        `${where} is damaged: ${firstIssue(parsed.error)}.`,
        'Make or push the bundle again.',
      );
}

/** The text whose SHA-256 is `bundleId`: the manifest without it, as JSON with sorted keys. */
export function manifestIdentityText(manifest: Omit<BundleManifest, 'bundleId'>): string {
  const sorted = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(sorted);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
  };
  return JSON.stringify(sorted({ ...manifest, bundleId: undefined }));
}
