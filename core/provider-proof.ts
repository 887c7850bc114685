import { z } from 'zod';
import { executionProviderSchema, type ExecutionProvider } from './runtime-pack.ts';

/**
 * What a phone's execution providers really do with Bungee's graphs. A session that was asked for a provider runs on
 * the CPU without a word where the provider is missing or declines, so nothing here is assumed: where nodes ran is
 * read from ONNX Runtime's own profile, what they computed is compared with the CPU, how long it took is measured.
 */

export const PROOF_SCHEMA_VERSION = 1;

/** The two phases of serving a request; each is given to the provider that is fastest there. */
export const phaseSchema = z.enum(['prefill', 'decode']);
export type Phase = z.infer<typeof phaseSchema>;

export const phaseProvidersSchema = z.object({
  prefill: executionProviderSchema,
  decode: executionProviderSchema,
});
export type PhaseProviders = z.infer<typeof phaseProvidersSchema>;

export const CPU_ONLY: PhaseProviders = { prefill: 'cpu', decode: 'cpu' };

/** `cpu`, or `nnapi prefill, cpu decode`. */
export function providerWords({ prefill, decode }: PhaseProviders): string {
  return prefill === decode ? prefill : `${prefill} prefill, ${decode} decode`;
}

/** Cases that can be made up to see what would be said and chosen; never stored, never served by. */
export const simulationSchema = z.enum(['nnapi-absent', 'nnapi-declines', 'nnapi-wrong-numerics']);
export type Simulation = z.infer<typeof simulationSchema>;

const share = z.number().min(0).max(1);

/** Where the nodes of a graph ran, from the profile of a run. */
export const placementSchema = z.object({
  /** Of the graph as the provider saw it. */
  nodes: z.int().positive(),
  nodesOnProvider: z.int().nonnegative(),
  share,
  /** Kernels that the provider ran; one compiled partition is one kernel. */
  partitions: z.int().nonnegative(),
  /** Kernels and kernel time by ONNX Runtime's own name of the provider. */
  ran: z.array(z.object({ provider: z.string(), kernels: z.int(), ms: z.number() })),
});
export type Placement = z.infer<typeof placementSchema>;

/** What a provider computed against the CPU on the same graph and input. */
export const numericsSchema = z.object({
  values: z.int().positive(),
  finite: z.boolean(),
  maxAbs: z.number().nullable(),
  /** Largest difference over the largest reference value. */
  maxRel: z.number().nullable(),
  /** Root mean square of the difference over that of the reference. */
  rmsRel: z.number().nullable(),
  /** Share of positions with the same best token; null where no logits follow from the output. */
  top1Agreement: share.nullable(),
  /** Mean KL divergence of the next token's distribution from the CPU's, nats; null where no logits follow. */
  klNats: z.number().nullable(),
  bound: z.object({ rmsRel: z.number(), klNats: z.number() }),
  within: z.boolean(),
});
export type Numerics = z.infer<typeof numericsSchema>;

/** Median times of one provider; measured only where placement and numerics are proved. */
export const providerSpeedSchema = z.object({
  prefill: z.array(z.object({ tokens: z.int().positive(), medianMs: z.number(), runs: z.int() })),
  /** null = the phase was not measured on this provider. */
  decodeMs: z.number().nullable(),
});
export type ProviderSpeed = z.infer<typeof providerSpeedSchema>;

export const verdictSchema = z.enum([
  /** Serves at least one phase. */
  'chosen',
  'slower',
  /** Placed and right on the probe graph, but the bundle has no graphs for it. */
  'works',
  'wrong-numerics',
  /** The session opened, yet no node ran on the provider. */
  'declined',
  /** The session did not open, or its run failed. */
  'refused',
  /** The agent ended twice while it was tried. */
  'crashed',
  'not-in-library',
]);
export type Verdict = z.infer<typeof verdictSchema>;

export const candidateSchema = z.object({
  provider: executionProviderSchema,
  /** The graph that it was tried on, in words; null = it was not asked. */
  subject: z.string().nullable(),
  placement: placementSchema.nullable(),
  numerics: numericsSchema.nullable(),
  speed: providerSpeedSchema.nullable(),
  verdict: verdictSchema,
  /** One sentence. */
  reason: z.string(),
});
export type Candidate = z.infer<typeof candidateSchema>;

export const providerProofSchema = z.object({
  schemaVersion: z.literal(PROOF_SCHEMA_VERSION),
  provedAt: z.iso.datetime(),
  bundleId: z.string(),
  threads: z.int().positive(),
  runtime: z.object({ onnxruntime: z.string(), node: z.string(), arch: z.string() }),
  device: z.object({
    serial: z.string(),
    model: z.string(),
    virtual: z.boolean(),
    /** Build of the phone's system, drivers included; empty = not told. */
    systemBuild: z.string(),
    /** NNAPI devices that the system lists; null = it was not asked. */
    nnapiDevices: z.array(z.string()).nullable(),
  }),
  /** Providers of this ONNX Runtime library. */
  library: z.array(executionProviderSchema),
  /** Made-up case; null = all of this is real. */
  simulated: simulationSchema.nullable(),
  candidates: z.array(candidateSchema),
  chosen: phaseProvidersSchema,
  /** Why, one sentence per phase. */
  reasons: z.object({ prefill: z.string(), decode: z.string() }),
});
export type ProviderProof = z.infer<typeof providerProofSchema>;

/** `POST /proof`: what the desktop knows of the phone, and whether a stored proof will do. */
export const proofRequestSchema = z.strictObject({
  serial: z.string().default(''),
  deviceModel: z.string().default(''),
  virtual: z.boolean().default(false),
  systemBuild: z.string().default(''),
  /** API level of the phone's Android; null = not known, or no Android. */
  sdk: z.int().nullable().default(null),
  nnapiDevices: z.array(z.string()).nullable().default(null),
  /** Answer with the stored proof where bundle, runtime and system are the same. */
  reuse: z.boolean().default(true),
  simulate: simulationSchema.nullable().default(null),
});
export type ProofRequest = z.output<typeof proofRequestSchema>;
export type ProofRequestInput = z.input<typeof proofRequestSchema>;

export function candidateOf(proof: ProviderProof, provider: ExecutionProvider): Candidate | undefined {
  return proof.candidates.find((candidate) => candidate.provider === provider);
}

/** One line per provider that was a candidate, the made-up case first: what tooltips and exports say. */
export function describeProof(proof: ProviderProof): string[] {
  const { simulated, candidates, reasons } = proof;
  return [
    ...(simulated === null
      ? []
      : [`SIMULATED: ${simulated}; nothing of this is a measurement of this phone`]),
    ...candidates.map(({ provider, verdict, reason }) => `${provider}: ${verdict}. ${reason}`),
    `prefill: ${reasons.prefill}`,
    `decode: ${reasons.decode}`,
  ];
}
