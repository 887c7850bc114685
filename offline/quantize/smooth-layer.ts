import type { ModelConfig } from '../../core/model-config.ts';
import type { LayerTensors } from '../sources/source-model.ts';

/** Largest absolute value of every channel that a group of products reads, over the calibration tokens. */
export interface InputRanges {
  readonly attentionIn: Float32Array;
  readonly attentionOut: Float32Array;
  readonly mlpIn: Float32Array;
  readonly mlpHidden: Float32Array;
}

/** Largest absolute weight of every column over several matrices of the same width. */
function columnMaxima(width: number, ...matrices: readonly Float32Array[]): Float32Array {
  const maxima = new Float32Array(width);
  for (const matrix of matrices)
    for (let row = 0; row < matrix.length; row += width)
      for (let column = 0; column < width; column++) {
        const size = Math.abs(matrix[row + column] as number);
        if (size > (maxima[column] as number)) maxima[column] = size;
      }
  return maxima;
}

function scaleColumns(matrix: Float32Array, factors: Float32Array): Float32Array {
  const width = factors.length;
  return matrix.map((value, i) => value * (factors[i % width] as number));
}

function divideRows(matrix: Float32Array, factors: Float32Array): Float32Array {
  const width = matrix.length / factors.length;
  return matrix.map((value, i) => value / (factors[Math.floor(i / width)] as number));
}

/**
 * Per channel activation^strength / weight^(1 - strength); 1 where a channel is dead. Square roots where that is
 * what the powers are: they are rounded alike everywhere, powers are not.
 */
function smoothingFactors(activations: Float32Array, weights: Float32Array, strength: number): Float32Array {
  return activations.map((activation, i) => {
    const weight = weights[i] as number;
    if (!(activation > 0 && weight > 0)) return 1;
    return strength === 0.5
      ? Math.sqrt(activation) / Math.sqrt(weight)
      : activation ** strength / weight ** (1 - strength);
  });
}

/** What each channel of a layer's groups of products is divided by; its weights are multiplied with the same. */
export interface LayerSmoothing {
  /** [hidden] */
  readonly attentionIn: Float32Array;
  /** [heads * headDim]; equal for the query heads of a KV group. */
  readonly attentionOut: Float32Array;
  /** [hidden] */
  readonly mlpIn: Float32Array;
  /** [ffnSize] */
  readonly mlpHidden: Float32Array;
}

/** The factors of {@link smoothLayer}. */
export function layerSmoothing(
  config: ModelConfig,
  tensors: LayerTensors,
  ranges: InputRanges,
  strength: number,
): LayerSmoothing {
  const { hiddenSize: d, headDim, heads, kvHeads, ffnSize } = config;
  const attentionIn = smoothingFactors(
    ranges.attentionIn,
    columnMaxima(d, tensors.q, tensors.k, tensors.v),
    strength,
  );
  const mlpIn = smoothingFactors(ranges.mlpIn, columnMaxima(d, tensors.gate, tensors.up), strength);
  const mlpHidden = smoothingFactors(ranges.mlpHidden, columnMaxima(ffnSize, tensors.down), strength);

  const queryWidth = heads * headDim;
  const outputMaxima = columnMaxima(queryWidth, tensors.o);
  const kvWidth = kvHeads * headDim;
  const sharedRange = new Float32Array(kvWidth);
  const sharedMaxima = new Float32Array(kvWidth);
  const channelOf = (queryChannel: number): number => {
    const head = Math.floor(queryChannel / headDim);
    return Math.floor((head * kvHeads) / heads) * headDim + (queryChannel % headDim);
  };
  for (let i = 0; i < queryWidth; i++) {
    const channel = channelOf(i);
    sharedRange[channel] = Math.max(sharedRange[channel] as number, ranges.attentionOut[i] as number);
    sharedMaxima[channel] = Math.max(sharedMaxima[channel] as number, outputMaxima[i] as number);
  }
  const value = smoothingFactors(sharedRange, sharedMaxima, strength);
  const attentionOut = Float32Array.from({ length: queryWidth }, (_, i) => value[channelOf(i)] as number);
  return { attentionIn, attentionOut, mlpIn, mlpHidden };
}

/**
 * Moves the range of outlier channels from the activations, which int8 products quantize with one scale per
 * tensor, into the weights, which have a scale per output (SmoothQuant, Xiao et al. 2023, eq. 4). Channels are
 * rescaled where that is exact: norm weights against the columns of q/k/v and gate/up, v rows against `o`
 * columns (shared by the query heads of a group; the bias of v goes with its rows), up rows against `down` columns. The f32 function does not change.
 *
 * @param strength 0 only evens the weights, 1 only the activations.
 */
export function smoothLayer(
  config: ModelConfig,
  tensors: LayerTensors,
  ranges: InputRanges,
  strength: number,
): LayerTensors {
  return applySmoothing(config, tensors, layerSmoothing(config, tensors, ranges, strength));
}

/** A layer with its channels divided and its weights multiplied; see {@link smoothLayer}. */
export function applySmoothing(
  config: ModelConfig,
  tensors: LayerTensors,
  { attentionIn, attentionOut, mlpIn, mlpHidden }: LayerSmoothing,
): LayerTensors {
  const { heads, kvHeads, headDim } = config;
  // The query heads of a group share one value: its first head tells the group's.
  const value = Float32Array.from(
    { length: kvHeads * headDim },
    (_, i) => attentionOut[Math.floor(i / headDim) * (heads / kvHeads) * headDim + (i % headDim)] as number,
  );
  return {
    ...tensors,
    attentionNorm: tensors.attentionNorm.map((weight, i) => weight / (attentionIn[i] as number)),
    q: scaleColumns(tensors.q, attentionIn),
    k: scaleColumns(tensors.k, attentionIn),
    v: divideRows(scaleColumns(tensors.v, attentionIn), value),
    vBias: tensors.vBias && divideRows(tensors.vBias, value),
    o: scaleColumns(tensors.o, attentionOut),
    mlpNorm: tensors.mlpNorm.map((weight, i) => weight / (mlpIn[i] as number)),
    gate: scaleColumns(tensors.gate, mlpIn),
    up: divideRows(scaleColumns(tensors.up, mlpIn), mlpHidden),
    down: scaleColumns(tensors.down, mlpHidden),
  };
}
