import { ScalarTape, type Scalar } from './scalar-tape.ts';

/** A decoder small enough to be computed number by number. */
export const NET = {
  layers: 2,
  hidden: 8,
  heads: 4,
  kvHeads: 2,
  headDim: 4,
  ffn: 10,
  vocabulary: 13,
  eps: 1e-5,
  ropeTheta: 100,
} as const;

/** Dims of all weights; matrices are [out, in], and the embedding is also the head. */
export function netWeights(): ReadonlyMap<string, readonly number[]> {
  const { layers, hidden, heads, kvHeads, headDim, ffn, vocabulary } = NET;
  const dims = new Map<string, readonly number[]>([['embedding', [vocabulary, hidden]]]);
  for (let layer = 0; layer < layers; layer++)
    for (const [name, of] of [
      ['norm1', [hidden]],
      ['q', [heads * headDim, hidden]],
      ['k', [kvHeads * headDim, hidden]],
      ['v', [kvHeads * headDim, hidden]],
      ['o', [hidden, heads * headDim]],
      ['norm2', [hidden]],
      ['gate', [ffn, hidden]],
      ['up', [ffn, hidden]],
      ['down', [hidden, ffn]],
    ] as const)
      dims.set(`${layer}.${name}`, of);
  dims.set('finalNorm', [hidden]);
  return dims;
}

/** Mean cross entropy of the next tokens and its gradient by each weight. */
export function tapeNet(
  weights: ReadonlyMap<string, Float32Array>,
  ids: readonly number[],
  targets: readonly number[],
): { readonly loss: number; readonly gradients: ReadonlyMap<string, Float64Array> } {
  const tape = new ScalarTape();
  const leaves = new Map([...weights].map(([name, data]) => [name, Array.from(data, (x) => tape.leaf(x))]));
  const loss = netLoss(tape, leaves, ids, targets);
  const slopes = tape.backward(loss);
  const gradients = new Map(
    [...leaves].map(([name, all]) => [name, Float64Array.from(all, (leaf) => slopes[leaf] ?? NaN)]),
  );
  return { loss: tape.value(loss), gradients };
}

type Rows = readonly (readonly Scalar[])[];

function netLoss(
  tape: ScalarTape,
  leaves: ReadonlyMap<string, readonly Scalar[]>,
  ids: readonly number[],
  targets: readonly number[],
): Scalar {
  const rowsOf = (name: string, width: number): Rows => {
    const all = leaves.get(name) ?? [];
    return Array.from({ length: all.length / width }, (_, row) => all.slice(row * width, (row + 1) * width));
  };
  const linear = (x: Rows, name: string): Rows =>
    x.map((row) => rowsOf(name, row.length).map((weight) => tape.dot(row, weight)));
  const norm = (x: Rows, name: string): Rows => x.map((row) => normed(tape, row, leaves.get(name) ?? []));
  const plus = (a: Rows, b: Rows): Rows =>
    a.map((row, t) => row.map((x, i) => tape.add(x, b[t]?.[i] ?? tape.leaf(NaN))));
  const embedding = rowsOf('embedding', NET.hidden);
  let x: Rows = ids.map((id) => embedding[id] ?? []);
  for (let layer = 0; layer < NET.layers; layer++) {
    const a = norm(x, `${layer}.norm1`);
    const [q, k, v] = ['q', 'k', 'v'].map((name) => linear(a, `${layer}.${name}`)) as [Rows, Rows, Rows];
    x = plus(x, linear(attention(tape, q, k, v), `${layer}.o`));
    const m = norm(x, `${layer}.norm2`);
    const up = linear(m, `${layer}.up`);
    const gated = linear(m, `${layer}.gate`).map((row, t) =>
      row.map((g, i) => tape.mul(silu(tape, g), up[t]?.[i] ?? tape.leaf(NaN))),
    );
    x = plus(x, linear(gated, `${layer}.down`));
  }
  const losses = norm(x, 'finalNorm').map((row, t) => {
    const shares = softmax(
      tape,
      embedding.map((weight) => tape.dot(row, weight)),
    );
    return tape.scale(tape.log(shares[targets[t] ?? -1] ?? tape.leaf(NaN)), -1 / ids.length);
  });
  return tape.sum(losses);
}

function normed(tape: ScalarTape, row: readonly Scalar[], weight: readonly Scalar[]): Scalar[] {
  const mean = tape.scale(tape.dot(row, row), 1 / row.length);
  const scale = tape.power(tape.add(mean, tape.leaf(NET.eps)), -0.5);
  return row.map((x, i) => tape.mul(tape.mul(x, scale), weight[i] ?? tape.leaf(NaN)));
}

function silu(tape: ScalarTape, x: Scalar): Scalar {
  const below = tape.add(tape.leaf(1), tape.exp(tape.scale(x, -1)));
  return tape.mul(x, tape.power(below, -1));
}

function softmax(tape: ScalarTape, scores: readonly Scalar[]): Scalar[] {
  const powers = scores.map((score) => tape.exp(score));
  const share = tape.power(tape.sum(powers), -1);
  return powers.map((power) => tape.mul(power, share));
}

/** Pairs (i, i + half) are turned by position * theta^(-2i/dim). */
function rotated(tape: ScalarTape, head: readonly Scalar[], position: number): Scalar[] {
  const half = head.length / 2;
  return head.map((x, i) => {
    const angle = position * NET.ropeTheta ** ((-2 * (i % half)) / head.length);
    const other = head[(i + half) % head.length] ?? tape.leaf(NaN);
    const sign = i < half ? -1 : 1;
    return tape.add(tape.scale(x, Math.cos(angle)), tape.scale(other, sign * Math.sin(angle)));
  });
}

/** Causal; query head h reads KV head floor(h * kvHeads / heads). */
function attention(tape: ScalarTape, q: Rows, k: Rows, v: Rows): Rows {
  const { heads, kvHeads, headDim } = NET;
  const part = (rows: Rows, t: number, h: number): readonly Scalar[] =>
    (rows[t] ?? []).slice(h * headDim, (h + 1) * headDim);
  return q.map((_, t) =>
    Array.from({ length: heads }, (__, h) => {
      const group = Math.floor((h * kvHeads) / heads);
      const query = rotated(tape, part(q, t, h), t);
      const before = Array.from({ length: t + 1 }, (___, s) => s);
      const scores = before.map((s) => tape.dot(query, rotated(tape, part(k, s, group), s)));
      const shares = softmax(
        tape,
        scores.map((score) => tape.scale(score, 1 / Math.sqrt(headDim))),
      );
      return Array.from({ length: headDim }, (___, i) =>
        tape.sum(
          before.map((s) => tape.mul(shares[s] ?? tape.leaf(NaN), part(v, s, group)[i] ?? tape.leaf(NaN))),
        ),
      );
    }).flat(),
  );
}
