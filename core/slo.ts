import { z } from 'zod';

/**
 * An SLO bounds TTFT and TPOT. Each bound is a ratio of the full model's latency on the same prompt and
 * device (paper §3.1: 1 = full model, full prompt), or milliseconds; a missing bound does not constrain.
 */
const positiveRatio = z
  .number({ error: 'must be a number' })
  .positive('must be greater than 0')
  .max(100, 'is a ratio of the full model; at most 100 (give milliseconds as ttftMs or tpotMs)');
const positiveMs = z.number({ error: 'must be a number' }).positive('must be greater than 0').max(3_600_000);

export const sloSchema = z
  .strictObject({
    /** TTFT bound as a ratio of the full model's TTFT. */
    ttft: positiveRatio.optional(),
    /** TPOT bound as a ratio of the full model's TPOT. */
    tpot: positiveRatio.optional(),
    ttftMs: positiveMs.optional(),
    tpotMs: positiveMs.optional(),
  })
  .refine((slo) => slo.ttft === undefined || slo.ttftMs === undefined, {
    message: 'give either ttft (ratio) or ttftMs, not both',
  })
  .refine((slo) => slo.tpot === undefined || slo.tpotMs === undefined, {
    message: 'give either tpot (ratio) or tpotMs, not both',
  });
export type Slo = z.infer<typeof sloSchema>;

/** Latencies of the full model on the same prompt and device, ms; what ratios refer to. */
export interface ReferenceLatency {
  readonly ttftMs: number;
  readonly tpotMs: number;
}

/** An SLO in milliseconds; null = not bounded. */
export const sloLimitsSchema = z.object({ ttftMs: z.number().nullable(), tpotMs: z.number().nullable() });
export type SloLimits = z.infer<typeof sloLimitsSchema>;

/** The bounds of an SLO in ms on the device that `reference` was measured on. */
export function sloLimits(slo: Slo, reference: ReferenceLatency): SloLimits {
  const bound = (ratio: number | undefined, ms: number | undefined, fullMs: number): number | null =>
    ms ?? (ratio === undefined ? null : ratio * fullMs);
  return {
    ttftMs: bound(slo.ttft, slo.ttftMs, reference.ttftMs),
    tpotMs: bound(slo.tpot, slo.tpotMs, reference.tpotMs),
  };
}

/** `<0.2,0.5>` as the paper writes it; milliseconds with their unit, `–` for no bound. */
export function formatSlo(slo: Slo): string {
  const one = (ratio: number | undefined, ms: number | undefined): string =>
    ms !== undefined ? `${ms} ms` : ratio !== undefined ? String(ratio) : '–';
  return `<${one(slo.ttft, slo.ttftMs)}, ${one(slo.tpot, slo.tpotMs)}>`;
}
