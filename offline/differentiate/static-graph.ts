import { GraphBuilder, type Attributes } from '../graph/graph-builder.ts';
import type { ElementType } from '../graph/onnx-schema.ts';
import type { WeightCatalog } from '../graph/weights-file.ts';
import { ELEMENTWISE_SHAPES } from './shapes/elementwise.ts';
import { INDEXING_SHAPES } from './shapes/indexing.ts';
import { LAYOUT_SHAPES } from './shapes/layout.ts';
import { PRODUCT_SHAPES } from './shapes/products.ts';
import { REDUCTION_SHAPES } from './shapes/reductions.ts';
import { constantInts, intsAttribute, type Operation, type StaticNode, type Tensor } from './tensor.ts';

const SHAPES = new Map(
  [ELEMENTWISE_SHAPES, PRODUCT_SHAPES, REDUCTION_SHAPES, LAYOUT_SHAPES, INDEXING_SHAPES].flatMap((rules) =>
    Object.entries(rules),
  ),
);

/** In opset 17 these take their axes as an input, and of all other reductions they are an attribute. */
const AXES_AS_INPUT = new Set(['ReduceSum', 'Squeeze', 'Unsqueeze']);
const AXES_AS_ATTRIBUTE = new Set(['ReduceMean', 'ReduceMax']);

/**
 * An ONNX graph whose values all have known dims, inferred node by node while it is written: what a
 * differentiator needs. Nodes that no output needs are left out when it is encoded.
 */
export class StaticGraph {
  readonly #builder: GraphBuilder;
  readonly #values = new Map<string, Tensor>();
  readonly #nodes: StaticNode[] = [];
  readonly #producers = new Map<string, StaticNode>();
  /** Weights and constants, written only if they are needed. */
  readonly #initializers = new Map<string, () => void>();
  readonly #outputs: { readonly value: string; readonly as: string }[] = [];
  #unnamed = 0;

  private constructor(builder: GraphBuilder) {
    this.#builder = builder;
  }

  /** @param weightsFile name of the weights file, relative to the graph file. */
  static create(catalog: WeightCatalog, weightsFile: string): StaticGraph {
    return new StaticGraph(GraphBuilder.create(catalog, weightsFile));
  }

  /** All nodes in the order they were added: operands come first. */
  get nodes(): readonly StaticNode[] {
    return this.#nodes;
  }

  input(name: string, type: ElementType, dims: readonly number[]): string {
    this.#add(name, { type, dims });
    return this.#builder.input(name, type, dims);
  }

  /** A stored weight, whole. */
  weight(name: string): string {
    const value = `weights.${name}`;
    if (this.#values.has(value)) return value;
    const { type, dims } = this.#builder.stored(name);
    return this.#initializer(value, { type, dims }, () => this.#builder.weight(name));
  }

  /** A constant inside of the graph file. Integer ones may serve as shapes, axes and bounds. */
  constant(name: string, type: ElementType, dims: readonly number[], data: ArrayBufferView): string {
    const ints = data instanceof BigInt64Array ? { ints: Array.from(data, Number) } : {};
    const write = (): string => this.#builder.constant(name, type, dims, data);
    return this.#initializer(name, { type, dims, ...ints }, write);
  }

  /** int64 constants [values.length], shared by value. */
  ints(...values: readonly number[]): string {
    const name = `ints_${values.join('_').replaceAll('-', 'm')}`;
    if (this.#values.has(name)) return name;
    return this.constant(name, 'int64', [values.length], BigInt64Array.from(values, BigInt));
  }

  /** float32 constants [values.length], shared by value. */
  floats(...values: readonly number[]): string {
    const name = `floats_${values.join('_').replaceAll('-', 'm')}`;
    if (this.#values.has(name)) return name;
    return this.constant(name, 'float32', [values.length], Float32Array.from(values));
  }

  /** A float32 constant of no axes: an elementwise operation with it keeps the other operand's dims. */
  scalar(value: number): string {
    const name = `scalar_${String(value).replaceAll('-', 'm')}`;
    if (!this.#values.has(name)) this.constant(name, 'float32', [], Float32Array.of(value));
    return name;
  }

  /** float32 zeros, shared by dims. */
  zeros(dims: readonly number[]): string {
    const name = `zeros_${dims.join('_')}`;
    return this.#values.has(name) ? name : this.op('ConstantOfShape', [this.ints(...dims)], {}, name);
  }

  /**
   * Adds a node with one output and returns its name; an input left out is ''. Axes may be given as an input or
   * as an attribute, whichever the operator takes.
   * @throws RangeError naming the operator and its dims if it is unknown or they do not fit.
   */
  op(opType: string, inputs: readonly string[], attributes: Attributes = {}, name?: string): string {
    const output = name ?? `${opType}.${this.#unnamed++}`;
    const operation = { opType, inputs: inputs.map((input) => this.#operand(opType, input)), attributes };
    const infer = SHAPES.get(opType);
    if (infer === undefined) throw new RangeError(`${opType}: no shape rule for this operator`);
    this.#add(output, infer(operation));
    const node = { opType, output, ...this.#withAxes(operation, inputs) };
    this.#nodes.push(node);
    this.#producers.set(output, node);
    return output;
  }

  dims(value: string): readonly number[] {
    return this.tensor(value).dims;
  }

  tensor(value: string): Tensor {
    const tensor = this.#values.get(value);
    if (tensor === undefined) throw new RangeError(`no value ${value} in the graph`);
    return tensor;
  }

  /** The node again as shape inference saw it. */
  operation(node: StaticNode): Operation {
    return { ...node, inputs: node.inputs.map((input) => this.#operand(node.opType, input)) };
  }

  /** Gives the value out of the graph under a name. */
  output(value: string, as: string): void {
    this.tensor(value);
    if (as !== value && this.#values.has(as)) throw new RangeError(`the graph has a value ${as} already`);
    this.#outputs.push({ value, as });
  }

  /** Writes the nodes that the outputs need. A graph is encoded once. */
  encode(name: string): Uint8Array {
    const needed = this.#needed();
    const names = new Map<string, string>();
    for (const { value, as } of this.#outputs)
      if (this.#producers.has(value) && !names.has(value)) names.set(value, as);
    for (const [value, write] of this.#initializers) if (needed.has(value)) write();
    const named = (value: string): string => names.get(value) ?? value;
    for (const { opType, inputs, output, attributes } of this.#nodes)
      if (needed.has(output)) this.#builder.node(opType, inputs.map(named), [named(output)], attributes);
    for (const { value, as } of this.#outputs) {
      if (named(value) !== as) this.#builder.node('Identity', [named(value)], [as]);
      const { type, dims } = this.tensor(value);
      this.#builder.output(as, type, dims);
    }
    return this.#builder.encode(name);
  }

  #needed(): ReadonlySet<string> {
    const needed = new Set(this.#outputs.map(({ value }) => value));
    for (const { inputs, output } of this.#nodes.toReversed())
      if (needed.has(output)) for (const input of inputs) needed.add(input);
    return needed;
  }

  #add(name: string, tensor: Tensor): void {
    if (this.#values.has(name)) throw new RangeError(`the graph has a value ${name} already`);
    this.#values.set(name, tensor);
  }

  #initializer(name: string, tensor: Tensor, write: () => void): string {
    this.#add(name, tensor);
    this.#initializers.set(name, write);
    return name;
  }

  #operand(opType: string, input: string): Tensor | undefined {
    if (input === '') return undefined;
    const tensor = this.#values.get(input);
    if (tensor === undefined) throw new RangeError(`${opType}: no value ${input} in the graph`);
    return tensor;
  }

  #withAxes(operation: Operation, inputs: readonly string[]): Pick<StaticNode, 'inputs' | 'attributes'> {
    const { opType, attributes } = operation;
    const { axes: _, ...rest } = attributes;
    const asAttribute = intsAttribute(attributes, 'axes');
    if (AXES_AS_INPUT.has(opType) && asAttribute !== undefined)
      return { inputs: [...inputs.slice(0, 1), this.ints(...asAttribute)], attributes: rest };
    const asInput = AXES_AS_ATTRIBUTE.has(opType) ? constantInts(operation, 1) : undefined;
    if (asInput !== undefined) return { inputs: inputs.slice(0, 1), attributes: { ...rest, axes: asInput } };
    return { inputs, attributes };
  }
}
