import type { Phase, PhaseProviders, ProviderSpeed } from '../../core/provider-proof.ts';
import type { ExecutionProvider } from '../../core/runtime-pack.ts';

/** A provider must save a tenth of the time: sessions beside the engine's own cost memory and loading. */
export const WORTHWHILE_RATIO = 0.9;

/** A proved provider and the CPU, measured in turn. */
export interface MeasuredRival {
  readonly own: ProviderSpeed;
  readonly cpu: ProviderSpeed;
}

export interface ProviderChoice {
  readonly chosen: PhaseProviders;
  readonly reasons: { readonly prefill: string; readonly decode: string };
}

/**
 * Picks the fastest provider per phase out of measurements alone, each against the CPU's of the same minutes.
 *
 * @param rivals whose placement and numerics are proved.
 */
export function chooseProviders(rivals: ReadonlyMap<ExecutionProvider, MeasuredRival>): ProviderChoice {
  const prefill = pick('prefill', rivals);
  const decode = pick('decode', rivals);
  return {
    chosen: { prefill: prefill.provider, decode: decode.provider },
    reasons: { prefill: prefill.reason, decode: decode.reason },
  };
}

function pick(
  phase: Phase,
  rivals: ReadonlyMap<ExecutionProvider, MeasuredRival>,
): { readonly provider: ExecutionProvider; readonly reason: string } {
  const measured = [...rivals]
    .flatMap(([provider, rival]) => {
      const ratio = timeRatio(phase, rival);
      return ratio === null ? [] : [{ provider, ratio }];
    })
    .sort((a, b) => a.ratio - b.ratio);
  const [best] = measured;
  if (best === undefined)
    return { provider: 'cpu', reason: `no other provider is proved for ${phase}; the CPU serves` };
  const told = measured.map(
    ({ provider, ratio }) => `${provider} takes ${ratio.toFixed(2)} of the CPU's time`,
  );
  return best.ratio <= WORTHWHILE_RATIO
    ? { provider: best.provider, reason: told.join(', ') }
    : {
        provider: 'cpu',
        reason: `${told.join(', ')}; from ${WORTHWHILE_RATIO} down it would be worth a session of its own`,
      };
}

/**
 * Time of a phase over the CPU's; prefill by the sum of the medians over the prompt lengths that both measured. null =
 * not measured on both.
 */
export function timeRatio(phase: Phase, { own, cpu }: MeasuredRival): number | null {
  if (phase === 'decode') return over(own.decodeMs, cpu.decodeMs);
  let sum = 0;
  let reference = 0;
  for (const { tokens, medianMs } of own.prefill) {
    const same = cpu.prefill.find((each) => each.tokens === tokens);
    if (same === undefined) continue;
    sum += medianMs;
    reference += same.medianMs;
  }
  return over(sum, reference);
}

function over(value: number | null, reference: number | null): number | null {
  return value === null || reference === null || reference <= 0 ? null : value / reference;
}
