/** Decoupled weight decay (Loshchilov & Hutter, 2019). */
export interface AdamWOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Gradients are scaled down to this norm; null leaves them. */
  readonly clipNorm: number | null;
}

export const ADAMW: AdamWOptions = {
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  weightDecay: 0,
  clipNorm: 1,
};

/** Moments of an optimizer; flat, beside the parameters. Saved and restored by checkpoints. */
export interface AdamWState {
  step: number;
  readonly first: Float32Array;
  readonly second: Float32Array;
}

export function adamWState(size: number): AdamWState {
  return { step: 0, first: new Float32Array(size), second: new Float32Array(size) };
}

/** Euclidean norm. */
export function gradientNorm(gradient: Float32Array): number {
  let sum = 0;
  for (const value of gradient) sum += value * value;
  return Math.sqrt(sum);
}

/**
 * One update, in place.
 *
 * @param decayed 1 where weight decay applies (matrices), 0 where not (norms, biases); null = everywhere.
 * @returns norm of the gradient before clipping
 */
export function adamWStep(
  parameters: Float32Array,
  gradient: Float32Array,
  state: AdamWState,
  learningRate: number,
  options: AdamWOptions = ADAMW,
  decayed: Uint8Array | null = null,
): number {
  const { beta1, beta2, epsilon, weightDecay, clipNorm } = options;
  const norm = gradientNorm(gradient);
  const scale = clipNorm !== null && norm > clipNorm ? clipNorm / norm : 1;
  state.step++;
  const firstScale = 1 / (1 - beta1 ** state.step);
  const secondScale = 1 / (1 - beta2 ** state.step);
  const { first, second } = state;
  for (let i = 0; i < parameters.length; i++) {
    const g = (gradient[i] as number) * scale;
    const m = beta1 * (first[i] as number) + (1 - beta1) * g;
    const v = beta2 * (second[i] as number) + (1 - beta2) * g * g;
    first[i] = m;
    second[i] = v;
    const value = parameters[i] as number;
    const decay = decayed === null || decayed[i] === 1 ? weightDecay * value : 0;
    parameters[i] =
      value - learningRate * ((m * firstScale) / (Math.sqrt(v * secondScale) + epsilon) + decay);
  }
  return norm;
}

/** Linear warm-up, then a cosine down to `floor` of the peak. @param step 0-based */
export function learningRateAt(
  step: number,
  options: {
    readonly peak: number;
    readonly warmUpSteps: number;
    readonly steps: number;
    readonly floor: number;
  },
): number {
  const { peak, warmUpSteps, steps, floor } = options;
  if (step < warmUpSteps) return (peak * (step + 1)) / warmUpSteps;
  const progress = Math.min(1, (step - warmUpSteps) / Math.max(1, steps - warmUpSteps));
  return peak * (floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * progress)));
}
