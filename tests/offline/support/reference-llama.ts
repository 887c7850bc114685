import type { Segment } from '../../../core/bundle-manifest.ts';
import type { ModelConfig } from '../../../core/model-config.ts';
import type { LayerTensors } from '../../../offline/sources/source-model.ts';

/** The parts of a model that the reference computes with. */
export interface ReferenceModel {
  readonly config: ModelConfig;
  readonly embedding: Float32Array;
  readonly head: Float32Array;
  readonly finalNorm: Float32Array;
  readonly layers: readonly LayerTensors[];
}

export type Rows = number[][];

function product(rows: Rows, weights: Float32Array, outFeatures: number): Rows {
  const inFeatures = weights.length / outFeatures;
  return rows.map((row) =>
    Array.from({ length: outFeatures }, (_, n) => {
      let sum = 0;
      for (let k = 0; k < inFeatures; k++) sum += (row[k] ?? 0) * (weights[n * inFeatures + k] ?? 0);
      return sum;
    }),
  );
}

function plus(rows: Rows, bias: Float32Array | undefined): Rows {
  return bias === undefined ? rows : rows.map((row) => row.map((x, i) => x + (bias[i] ?? 0)));
}

function rmsNorm(rows: Rows, weight: Float32Array, eps: number): Rows {
  return rows.map((row) => {
    const scale = 1 / Math.sqrt(row.reduce((sum, x) => sum + x * x, 0) / row.length + eps);
    return row.map((x, i) => x * scale * (weight[i] ?? 0));
  });
}

/** Rotates one head's vector: element i with i + half, as Hugging Face's rotate_half. */
function rotate(vector: number[], position: number, theta: number): number[] {
  const half = vector.length / 2;
  return vector.map((x, i) => {
    const angle = position * theta ** ((-2 * (i % half)) / vector.length);
    const other = i < half ? -(vector[i + half] ?? 0) : (vector[i - half] ?? 0);
    return x * Math.cos(angle) + other * Math.sin(angle);
  });
}

function attention(
  model: ReferenceModel,
  layer: LayerTensors,
  normed: Rows,
  keep: (group: number) => boolean,
): Rows {
  const { heads, kvHeads, headDim, ropeTheta } = model.config;
  const head = (rows: Rows, h: number): Rows => rows.map((row) => row.slice(h * headDim, (h + 1) * headDim));
  const q = plus(product(normed, layer.q, heads * headDim), layer.qBias);
  const k = plus(product(normed, layer.k, kvHeads * headDim), layer.kBias);
  const v = plus(product(normed, layer.v, kvHeads * headDim), layer.vBias);
  const { rmsNormEps } = model.config;
  const headNorm = (rows: Rows, weight: Float32Array | undefined): Rows =>
    weight === undefined ? rows : rmsNorm(rows, weight, rmsNormEps);
  const mixed: Rows = normed.map(() => []);
  for (let h = 0; h < heads; h++) {
    const group = Math.floor((h * kvHeads) / heads);
    const queries = headNorm(head(q, h), layer.qNorm).map((row, t) => rotate(row, t, ropeTheta));
    const keys = headNorm(head(k, group), layer.kNorm).map((row, t) => rotate(row, t, ropeTheta));
    if (!keep(group)) {
      for (const row of mixed) row.push(...Array.from({ length: headDim }, () => 0));
      continue;
    }
    const values = head(v, group);
    for (const [t, query] of queries.entries()) {
      const scores = keys
        .slice(0, t + 1)
        .map((key) => key.reduce((s, x, i) => s + x * (query[i] ?? 0), 0) / Math.sqrt(headDim));
      const largest = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - largest));
      const mass = weights.reduce((sum, w) => sum + w, 0);
      for (let i = 0; i < headDim; i++)
        mixed[t]?.push(weights.reduce((sum, w, s) => sum + (w / mass) * (values[s]?.[i] ?? 0), 0));
    }
  }
  return product(mixed, layer.o, model.config.hiddenSize);
}

function mlp(
  model: ReferenceModel,
  layer: LayerTensors,
  normed: Rows,
  keep: (neuron: number) => boolean,
): Rows {
  const { ffnSize, hiddenSize } = model.config;
  const gate = product(normed, layer.gate, ffnSize);
  const up = product(normed, layer.up, ffnSize);
  const hidden = gate.map((row, t) =>
    row.map((g, j) => (keep(j) ? (g / (1 + Math.exp(-g))) * (up[t]?.[j] ?? 0) : 0)),
  );
  return product(hidden, layer.down, hiddenSize);
}

/**
 * The decoder in plain numbers (f64), written from the papers of Llama, Qwen2 (biases) and Qwen3 (q/k norms) and
 * independent of the graph writer: logits of every position.
 * Segments that are not on contribute nothing.
 *
 * @param besideMlp rows to add to a layer's MLP output, from the MLP's normalized input.
 */
export function referenceLogits(
  model: ReferenceModel,
  tokens: readonly number[],
  segments: readonly Segment[],
  on: readonly boolean[],
  besideMlp?: (layer: number, normed: Rows) => Rows,
): Rows {
  const { config } = model;
  const d = config.hiddenSize;
  let x: Rows = tokens.map((token) => [...model.embedding.subarray(token * d, (token + 1) * d)]);
  const add = (a: Rows, b: Rows): Rows => a.map((row, t) => row.map((value, i) => value + (b[t]?.[i] ?? 0)));
  for (const [index, layer] of model.layers.entries()) {
    const active = segments.filter((segment, i) => segment.layer === index && on[i] === true);
    const kept =
      (kind: Segment['kind']) =>
      (unit: number): boolean =>
        active.some((s) => s.kind === kind && unit >= s.unitStart && unit < s.unitStart + s.units);
    if (active.some(({ kind }) => kind === 'attention')) {
      const attentionIn = rmsNorm(x, layer.attentionNorm, config.rmsNormEps);
      x = add(x, attention(model, layer, attentionIn, kept('attention')));
    }
    const normed = rmsNorm(x, layer.mlpNorm, config.rmsNormEps);
    x = add(x, mlp(model, layer, normed, kept('mlp')));
    if (besideMlp !== undefined) x = add(x, besideMlp(index, normed));
  }
  return product(rmsNorm(x, model.finalNorm, config.rmsNormEps), model.head, config.vocabSize);
}
