import { tlmLayout, type TlmConfig, type TlmInputs } from '../../../core/tlm.ts';

type Matrix = number[][];

/** x · w of a row-major parameter [inputs, outputs]. */
function product(x: Matrix, w: Float32Array, outputs: number): Matrix {
  return x.map((row) =>
    Array.from({ length: outputs }, (_, o) =>
      row.reduce((sum, v, i) => sum + v * (w[i * outputs + o] ?? 0), 0),
    ),
  );
}

function norm(x: Matrix, weight: (i: number) => number): Matrix {
  return x.map((row) => {
    const root = Math.sqrt(row.reduce((sum, v) => sum + v * v, 0) / row.length + 1e-6);
    return row.map((v, i) => (v / root) * weight(i));
  });
}

const add = (a: Matrix, b: Matrix): Matrix => a.map((row, r) => row.map((v, i) => v + (b[r]?.[i] ?? 0)));
const silu = (x: Matrix): Matrix => x.map((row) => row.map((v) => v / (1 + Math.exp(-v))));

/** The whole network as its doc comment tells it, position by position, in f64. */
export function referenceTlm(
  config: TlmConfig,
  parameters: Float32Array,
  embedding: { readonly table: Float32Array; readonly size: number },
  inputs: TlmInputs,
): { scores: number[]; prompt: number[]; level: number[] } {
  const d = config.hiddenSize;
  const { entries } = tlmLayout(config, embedding.size);
  const get = (name: string): Float32Array => {
    const entry = entries.find((candidate) => candidate.name === name);
    if (entry === undefined) throw new RangeError(name);
    return parameters.subarray(entry.offset, entry.offset + entry.length);
  };
  const normBy = (x: Matrix, name: string): Matrix => norm(x, (i) => get(name)[i] ?? 0);

  const layer = (at: string, x: Matrix, valid: boolean[]): Matrix => {
    const h = normBy(x, `${at}.attentionNorm`);
    const [q, k, v] = ['q', 'k', 'v'].map((m) => product(h, get(`${at}.${m}`), d)) as [
      Matrix,
      Matrix,
      Matrix,
    ];
    const size = d / config.heads;
    const mixed = q.map((query) => {
      const out = new Array<number>(d).fill(0);
      for (let head = 0; head < config.heads; head++) {
        const own = (row: number[]): number[] => row.slice(head * size, (head + 1) * size);
        const scores = k.map(
          (key) => own(query).reduce((s, a, i) => s + a * (own(key)[i] ?? 0), 0) / Math.sqrt(size),
        );
        const shares = scores.map((s, j) => (valid[j] === true ? Math.exp(s) : 0));
        const sum = shares.reduce((a, b) => a + b, 0);
        for (const [j, share] of shares.entries())
          for (let i = 0; i < size; i++)
            out[head * size + i] =
              (out[head * size + i] ?? 0) + (share / sum) * (v[j]?.[head * size + i] ?? 0);
      }
      return out;
    });
    const attended = add(x, product(mixed, get(`${at}.o`), d));
    const up = silu(product(normBy(attended, `${at}.mlpNorm`), get(`${at}.up`), config.ffnSize));
    return add(attended, product(up, get(`${at}.down`), d));
  };
  const stack = (name: string, layers: number, x: Matrix, valid: boolean[]): Matrix => {
    let out = x;
    for (let i = 0; i < layers; i++) out = layer(`${name}.${i}`, out, valid);
    return out;
  };

  const scores: number[] = [];
  const promptPositions: Matrix = [];
  const sloPositions: Matrix = [];
  for (let row = 0; row < inputs.rows; row++) {
    const from = row * inputs.width;
    const roles = [...inputs.roles.slice(from, from + inputs.width)].map(Number);
    const tokens = [...inputs.inputIds.slice(from, from + inputs.width)].map(Number);
    const rows = norm(
      tokens.map((id) => [...embedding.table.slice(id * embedding.size, (id + 1) * embedding.size)]),
      () => 1,
    );
    const prompt = product(rows, get('project'), d).map((values, position) =>
      values.map((value, i) => {
        const half = d / 2;
        const angle = position / 10_000 ** ((i % half) / half);
        const wave = i < half ? Math.sin(angle) : Math.cos(angle);
        return value + wave + (get('roles')[(roles[position] ?? 0) * d + i] ?? 0);
      }),
    );
    const slo = [0, 1].map((which) =>
      Array.from({ length: d }, (_, i) => (i === 10 * which + Number(inputs.slo[which]) ? Math.sqrt(d) : 0)),
    );
    const valid = [true, true, ...roles.map((role) => role !== 0)];
    const trunk = stack('shared', config.sharedLayers, [...slo, ...prompt], valid);
    const scored = normBy(stack('score', config.scoreLayers, trunk, valid), 'score.norm');
    scores.push(...product(scored.slice(2), get('score.out'), 1).map(([score = 0]) => score));
    const decided = normBy(stack('decision', config.decisionLayers, trunk, valid), 'decision.norm');
    sloPositions.push(...decided.slice(0, 2));
    promptPositions.push(...decided.slice(2).filter((_, i) => roles[i] !== 0));
  }
  const mean = (x: Matrix): number[] =>
    Array.from({ length: d }, (_, i) => x.reduce((sum, row) => sum + (row[i] ?? 0), 0) / x.length);
  const mixed = silu(product([[...mean(promptPositions), ...mean(sloPositions)]], get('decision.mix'), d));
  return {
    scores,
    prompt: product(mixed, get('decision.prompt'), 10)[0] ?? [],
    level: product(mixed, get('decision.level'), 9)[0] ?? [],
  };
}
