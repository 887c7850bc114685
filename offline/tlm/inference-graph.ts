import { LEVELS } from '../../core/level.ts';
import { PROMPT_LEVELS } from '../../core/prompt-level.ts';
import { SLO_TOKENS, TLM_GRAPH, type TlmConfig } from '../../core/tlm.ts';
import type { Attributes, GraphBuilder } from '../graph/graph-builder.ts';
import { TLM_NORM_EPSILON, type TlmGraphWriter } from './forward-graph.ts';
import { emitDecision, emitScores, emitTlmTrunk, positionTable } from './tlm-forward.ts';

export interface InferenceGraphOptions {
  readonly config: TlmConfig;
  /** Value of a parameter by its name in `tlmLayout`. */
  readonly parameter: (name: string) => string;
  /** Writes the LLM's embedding rows, divided by their root mean square, [R, W, input size]. */
  readonly embed: (writer: TlmGraphWriter) => string;
}

/**
 * Declares inputs and outputs ({@link TLM_GRAPH}) and writes the whole network with ONNX Runtime's fused kernels, for
 * any number of rows of any width.
 */
export function emitTlmInference(graph: GraphBuilder, options: InferenceGraphOptions): void {
  const { config } = options;
  graph.input(TLM_GRAPH.inputIds, 'int64', ['R', 'W']);
  graph.input(TLM_GRAPH.roles, 'int64', ['R', 'W']);
  graph.input(TLM_GRAPH.slo, 'int64', [SLO_TOKENS]);
  const writer = fusedWriter(graph, options.parameter);
  const rows = graph.node('Shape', [TLM_GRAPH.roles], ['rows'], { start: 0, end: 1 });
  const width = graph.node('Shape', [TLM_GRAPH.roles], ['width'], { start: 1, end: 2 });
  const positions = config.rowTokens - SLO_TOKENS;
  const table = graph.constant(
    'position_table',
    'float32',
    [positions, config.hiddenSize],
    positionTable(config, positions),
  );
  const sloDims = writer.op('Concat', [rows, graph.ints(SLO_TOKENS)], { axis: 0 });
  const trunk = emitTlmTrunk(writer, config, {
    embedded: options.embed(writer),
    roles: TLM_GRAPH.roles,
    slo: writer.op('Expand', [TLM_GRAPH.slo, sloDims]),
    positions: writer.op('Slice', [table, graph.ints(0), width, graph.ints(0)]),
  });
  graph.node('Identity', [emitScores(writer, config, trunk)], [TLM_GRAPH.scores]);
  graph.output(TLM_GRAPH.scores, 'float32', ['R', 'W']);
  const { prompt, level } = emitDecision(writer, config, trunk);
  for (const [value, output, classes] of [
    [prompt, TLM_GRAPH.promptLogits, PROMPT_LEVELS.length],
    [level, TLM_GRAPH.levelLogits, LEVELS.length],
  ] as const) {
    graph.node('Reshape', [value, graph.ints(classes)], [output]);
    graph.output(output, 'float32', [classes]);
  }
}

/** The network on ONNX Runtime's own kernels. */
function fusedWriter(graph: GraphBuilder, parameter: (name: string) => string): TlmGraphWriter {
  let unnamed = 0;
  const op = (opType: string, inputs: readonly string[], attributes: Attributes = {}): string =>
    graph.node(opType, inputs, [`tlm.${opType}.${unnamed++}`], attributes);
  const epsilon = { float: TLM_NORM_EPSILON };
  return {
    op,
    ints: (...values) => graph.ints(...values),
    constant: (name, type, dims, data) => graph.constant(name, type, dims, data),
    parameter,
    rmsNorm: (x, weight) => op('SimplifiedLayerNormalization', [x, weight], { axis: -1, epsilon }),
    silu: (x) => op('QuickGelu', [x], { alpha: { float: 1 } }),
    pool: (x) => poolAll(graph, op, x),
  };
}

/** All rows are one prompt's: the mean of its positions and the mean of its SLO tokens, [1, 2 d]. */
function poolAll(graph: GraphBuilder, op: TlmGraphWriter['op'], x: string): string {
  const axis = graph.ints(1);
  const prompt = op('Slice', [x, graph.ints(SLO_TOKENS), graph.ints(Number.MAX_SAFE_INTEGER), axis]);
  // Padding has role 0, every other position counts as 1.
  const counted = op('Cast', [op('Sign', [TLM_GRAPH.roles])], { to: FLOAT });
  const flat = op('Reshape', [counted, graph.ints(1, -1)]);
  const positions = op('Reshape', [prompt, op('Concat', [graph.ints(-1), hiddenOf(op, x)], { axis: 0 })]);
  const tokens = op('ReduceSum', [flat, axis], { keepdims: 1 });
  const overPrompt = op('Div', [op('MatMul', [flat, positions]), tokens]);
  const slo = op('Slice', [x, graph.ints(0), graph.ints(SLO_TOKENS), axis]);
  const overSlo = op('ReduceMean', [slo], { axes: [0, 1], keepdims: 0 });
  return op('Concat', [overPrompt, op('Unsqueeze', [overSlo, graph.ints(0)])], { axis: 1 });
}

const FLOAT = 1;

function hiddenOf(op: TlmGraphWriter['op'], x: string): string {
  return op('Shape', [x], { start: 2, end: 3 });
}
