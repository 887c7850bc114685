import { SLO_CLASSES, SLO_TOKENS, TLM_ROLE, type TlmConfig } from '../../core/tlm.ts';
import type { TlmGraphWriter } from './forward-graph.ts';

/** Added to the attention score of padding. */
const BLOCKED = -1e9;
const LAST = Number.MAX_SAFE_INTEGER;
const SLOWEST_WAVE = 10_000;

export interface TrunkInputs {
  /** float32 [R, W, input size]: the LLM's embedding rows, divided by their root mean square. */
  readonly embedded: string;
  /** int64 [R, W]: `TLM_ROLE` */
  readonly roles: string;
  /** int64 [R, 2]: SLO classes of each row. */
  readonly slo: string;
  /** float32 [W, d]: rows of {@link positionTable}. */
  readonly positions: string;
}

/** Hidden states of all positions, SLO tokens first; L = W + 2. */
export interface TlmStream {
  /** [R, L, d] */
  readonly x: string;
  /** [R, 1, 1, L], added to attention scores. */
  readonly bias: string;
}

/** Sinusoids of Vaswani et al. (2017): [positions, d], sines in the first half. */
export function positionTable(config: TlmConfig, positions: number): Float32Array {
  const { hiddenSize: d } = config;
  const half = Math.floor(d / 2);
  const table = new Float32Array(positions * d);
  for (let position = 0; position < positions; position++)
    for (let i = 0; i < half; i++) {
      const angle = position / SLOWEST_WAVE ** (i / half);
      table[position * d + i] = Math.sin(angle);
      table[position * d + half + i] = Math.cos(angle);
    }
  return table;
}

/**
 * Tokens of all SLO classes, [2 * SLO_CLASSES, d]: rows of the identity (mutually orthogonal, paper §4.1), as large as
 * the embedded tokens.
 */
export function sloTable({ hiddenSize: d }: TlmConfig): Float32Array {
  const rows = SLO_TOKENS * SLO_CLASSES;
  if (d < rows) throw new RangeError(`a TLM of width ${d} cannot tell ${rows} SLO classes apart`);
  const table = new Float32Array(rows * d);
  for (let row = 0; row < rows; row++) table[row * d + row] = Math.sqrt(d);
  return table;
}

/** Embedding, roles, positions and SLO tokens, then the shared layers. */
export function emitTlmTrunk(graph: TlmGraphWriter, config: TlmConfig, inputs: TrunkInputs): TlmStream {
  const { hiddenSize: d } = config;
  const roles = Object.values(TLM_ROLE);
  const oneHot = new Float32Array(roles.length ** 2);
  for (const role of roles) oneHot[role * roles.length + role] = 1;
  const roleTable = graph.constant('role_one_hot', 'float32', [roles.length, roles.length], oneHot);
  const role = graph.op('MatMul', [
    graph.op('Gather', [roleTable, inputs.roles], { axis: 0 }),
    graph.parameter('roles'),
  ]);
  const projected = graph.op('MatMul', [inputs.embedded, graph.parameter('project')]);
  const prompt = graph.op('Add', [graph.op('Add', [projected, role]), inputs.positions]);
  const classes = graph.constant('slo_table', 'float32', [SLO_TOKENS * SLO_CLASSES, d], sloTable(config));
  const sloRows = graph.op('Add', [inputs.slo, graph.ints(0, SLO_CLASSES)]);
  const slo = graph.op('Gather', [classes, sloRows], { axis: 0 });
  const x = graph.op('Concat', [slo, prompt], { axis: 1 });

  const blocked = graph.constant('padding_bias', 'float32', [roles.length], paddingBias());
  const promptBias = graph.op('Gather', [blocked, inputs.roles], { axis: 0 });
  const sloBias = graph.op('Gather', [
    graph.constant('open_bias', 'float32', [SLO_CLASSES], new Float32Array(SLO_CLASSES)),
    inputs.slo,
  ]);
  const bias = graph.op('Unsqueeze', [
    graph.op('Concat', [sloBias, promptBias], { axis: 1 }),
    graph.ints(1, 2),
  ]);
  return emitTlmStack(graph, config, 'shared', { x, bias });
}

function paddingBias(): Float32Array {
  const bias = new Float32Array(Object.keys(TLM_ROLE).length);
  bias[TLM_ROLE.padding] = BLOCKED;
  return bias;
}

const LAYERS_OF = { shared: 'sharedLayers', score: 'scoreLayers', decision: 'decisionLayers' } as const;

/** The layers of one stack. */
export function emitTlmStack(
  graph: TlmGraphWriter,
  config: TlmConfig,
  stack: keyof typeof LAYERS_OF,
  stream: TlmStream,
): TlmStream {
  let { x } = stream;
  for (let layer = 0; layer < config[LAYERS_OF[stack]]; layer++) {
    const parameter = (name: string): string => graph.parameter(`${stack}.${layer}.${name}`);
    const attended = emitAttention(graph, config, parameter, { ...stream, x });
    x = graph.op('Add', [x, attended]);
    const normed = graph.rmsNorm(x, parameter('mlpNorm'));
    const hidden = graph.silu(graph.op('MatMul', [normed, parameter('up')]));
    x = graph.op('Add', [x, graph.op('MatMul', [hidden, parameter('down')])]);
  }
  return { ...stream, x };
}

/** Every position of a row looks at every one that is no padding. */
function emitAttention(
  graph: TlmGraphWriter,
  { hiddenSize: d, heads }: TlmConfig,
  parameter: (name: string) => string,
  { x, bias }: TlmStream,
): string {
  const headSize = d / heads;
  const normed = graph.rmsNorm(x, parameter('attentionNorm'));
  const byHead = (matrix: string): string => {
    const product = graph.op('MatMul', [normed, parameter(matrix)]);
    const split = graph.op('Reshape', [product, graph.ints(0, 0, heads, headSize)]);
    return graph.op('Transpose', [split], { perm: [0, 2, 1, 3] });
  };
  const [q, k, v] = [byHead('q'), byHead('k'), byHead('v')];
  const scores = graph.op('FusedMatMul', [q, k], { transB: 1, alpha: { float: 1 / Math.sqrt(headSize) } });
  const shares = graph.op('Softmax', [graph.op('Add', [scores, bias])], { axis: -1 });
  const back = graph.op('Transpose', [graph.op('MatMul', [shares, v])], { perm: [0, 2, 1, 3] });
  return graph.op('MatMul', [graph.op('Reshape', [back, graph.ints(0, 0, d)]), parameter('o')]);
}

/** Scores of the prompt positions, [R, W]. */
export function emitScores(graph: TlmGraphWriter, config: TlmConfig, trunk: TlmStream): string {
  const { x } = emitTlmStack(graph, config, 'score', trunk);
  const prompt = graph.op('Slice', [x, graph.ints(SLO_TOKENS), graph.ints(LAST), graph.ints(1)]);
  const normed = graph.rmsNorm(prompt, graph.parameter('score.norm'));
  return graph.op('Squeeze', [graph.op('MatMul', [normed, graph.parameter('score.out')]), graph.ints(2)]);
}

/** Logits of the prompt and the model level, [examples, PROMPT_LEVELS.length] and [examples, LEVELS.length]. */
export function emitDecision(
  graph: TlmGraphWriter,
  config: TlmConfig,
  trunk: TlmStream,
): { readonly prompt: string; readonly level: string } {
  const { x } = emitTlmStack(graph, config, 'decision', trunk);
  const pooled = graph.pool(graph.rmsNorm(x, graph.parameter('decision.norm')));
  const mixed = graph.silu(graph.op('MatMul', [pooled, graph.parameter('decision.mix')]));
  return {
    prompt: graph.op('MatMul', [mixed, graph.parameter('decision.prompt')]),
    level: graph.op('MatMul', [mixed, graph.parameter('decision.level')]),
  };
}
