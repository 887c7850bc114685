import {
  attribute,
  CONTRIB_DOMAIN,
  ELEMENT,
  encodeModel,
  externalTensor,
  valueInfo,
  type AttributeValue,
  type Dimension,
  type ElementType,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
} from './onnx-schema.ts';
import type { StoredTensor, WeightCatalog } from './weights-file.ts';

/** Operators outside of the ONNX standard (ONNX Runtime's contrib domain). */
const CONTRIB_OPS = new Set([
  'FusedMatMul',
  'GatherBlockQuantized',
  'GroupQueryAttention',
  'MatMulIntegerToFloat',
  'MatMulNBits',
  'QuickGelu',
  'RotaryEmbedding',
  'SkipSimplifiedLayerNormalization',
]);

export type Attributes = Readonly<Record<string, AttributeValue>>;

/** What the builders of one model share: its initializers, and the weights file that they lie in. */
interface Shared {
  readonly catalog: WeightCatalog;
  readonly weightsFile: string;
  readonly initializers: Map<string, OnnxTensor>;
}

/**
 * Builds an ONNX graph node by node. Values are names; a builder from {@link subgraph} writes a branch of an
 * `If` whose outer names and initializers are those of the main graph.
 */
export class GraphBuilder {
  readonly #nodes: OnnxNode[] = [];
  readonly #inputs: OnnxValueInfo[] = [];
  readonly #outputs: OnnxValueInfo[] = [];
  readonly #shared: Shared;

  private constructor(shared: Shared) {
    this.#shared = shared;
  }

  /** @param weightsFile name of the weights file, relative to the graph file. */
  static create(catalog: WeightCatalog, weightsFile: string): GraphBuilder {
    return new GraphBuilder({ catalog, weightsFile, initializers: new Map() });
  }

  input(name: string, type: ElementType, dims: readonly Dimension[]): string {
    this.#inputs.push(valueInfo(name, type, dims));
    return name;
  }

  output(name: string, type: ElementType, dims: readonly Dimension[]): void {
    this.#outputs.push(valueInfo(name, type, dims));
  }

  /** A stored weight, mapped from the weights file. */
  weight(name: string): string {
    const { initializers, weightsFile } = this.#shared;
    const stored = this.stored(name);
    const value = `weights.${name}`;
    if (!initializers.has(value))
      initializers.set(
        value,
        externalTensor(value, stored.type, stored.dims, { location: weightsFile, ...stored }),
      );
    return value;
  }

  /** A stored weight under other dims of the same size. */
  view(name: string, dims: readonly number[]): string {
    const value = `weights.${name}.as_${dims.join('_')}`;
    return this.mapped(value, this.#shared.weightsFile, { ...this.stored(name), dims });
  }

  /** A tensor of another file than the graph's weights. */
  mapped(name: string, location: string, stored: StoredTensor): string {
    const { initializers } = this.#shared;
    if (!initializers.has(name))
      initializers.set(name, externalTensor(name, stored.type, stored.dims, { location, ...stored }));
    return name;
  }

  /** Type and dims of a stored weight. */
  stored(name: string): StoredTensor {
    const stored = this.#shared.catalog.get(name);
    if (stored === undefined) throw new RangeError(`no stored weight ${name}`);
    return stored;
  }

  /** int64 constants inside of the graph file, shared by value. */
  ints(...values: readonly number[]): string {
    const name = `ints_${values.join('_').replaceAll('-', 'm')}`;
    this.#inline(name, 'int64', [values.length], BigInt64Array.from(values, BigInt));
    return name;
  }

  floats(...values: readonly number[]): string {
    const name = `floats_${values.join('_').replaceAll('-', 'm')}`;
    this.#inline(name, 'float32', [values.length], Float32Array.from(values));
    return name;
  }

  /** A constant under a name of its own, inside of the graph file. */
  constant(name: string, type: ElementType, dims: readonly number[], data: ArrayBufferView): string {
    this.#inline(name, type, dims, data);
    return name;
  }

  /** A float32 constant without elements, e.g. [1, 0, hidden]. */
  empty(...dims: readonly number[]): string {
    const name = `empty_${dims.join('_')}`;
    this.#inline(name, 'float32', dims, new Float32Array(0));
    return name;
  }

  /** Adds a node; `outputs` names them ('' = not wanted). Returns the first. */
  node(
    opType: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Attributes = {},
  ): string {
    const first = outputs[0] ?? '';
    this.#nodes.push({
      opType,
      name: outputs.find((output) => output !== '') ?? '',
      domain: CONTRIB_OPS.has(opType) ? CONTRIB_DOMAIN : '',
      input: inputs,
      output: outputs,
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    });
    return first;
  }

  /** A branch of an `If`: `write` adds nodes and declares outputs. */
  subgraph(name: string, write: (branch: GraphBuilder) => void): OnnxGraph {
    const branch = new GraphBuilder(this.#shared);
    write(branch);
    return { name, node: branch.#nodes, initializer: [], input: [], output: branch.#outputs };
  }

  encode(name: string): Uint8Array {
    return encodeModel({
      name,
      node: this.#nodes,
      initializer: [...this.#shared.initializers.values()],
      input: this.#inputs,
      output: this.#outputs,
    });
  }

  #inline(name: string, type: ElementType, dims: readonly number[], data: ArrayBufferView): void {
    const { initializers } = this.#shared;
    if (initializers.has(name)) return;
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    initializers.set(name, { name, dims, dataType: ELEMENT[type], rawData });
  }
}
