import { varint } from '../protobuf-varint.ts';

/**
 * Just enough of ONNX's protobuf to write a small float graph of fixed shapes at run time
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, field numbers from there).
 */

export interface SmallNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly ints?: Readonly<Record<string, number | readonly number[]>>;
}

export interface SmallTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

export interface SmallGraph {
  readonly nodes: readonly SmallNode[];
  readonly constants: readonly SmallTensor[];
  readonly inputs: readonly { readonly name: string; readonly dims: readonly number[] }[];
  readonly outputs: readonly { readonly name: string; readonly dims: readonly number[] }[];
}

const IR_VERSION = 9;
const OPSET = 17;
const ELEMENT = { float32: 1, int64: 7 } as const;
const ATTRIBUTE = { int: 2, ints: 7 } as const;

/** Bytes of an ONNX model with this graph. */
export function onnxBytes({ nodes, constants, inputs, outputs }: SmallGraph): Uint8Array {
  const graph = Buffer.concat([
    ...nodes.map((node, index) => message(1, nodeBytes(node, index))),
    text(2, 'probe'),
    ...constants.map((tensor) => message(5, tensorBytes(tensor))),
    ...inputs.map((input) => message(11, valueBytes(input))),
    ...outputs.map((output) => message(12, valueBytes(output))),
  ]);
  return Buffer.concat([
    whole(1, IR_VERSION),
    text(2, 'bungee'),
    message(7, graph),
    message(8, Buffer.concat([text(1, ''), whole(2, OPSET)])),
  ]);
}

function nodeBytes({ op, inputs, output, ints = {} }: SmallNode, index: number): Buffer {
  const attributes = Object.entries(ints).map(([name, value]) =>
    message(
      5,
      typeof value === 'number'
        ? Buffer.concat([text(1, name), whole(3, value), whole(20, ATTRIBUTE.int)])
        : Buffer.concat([text(1, name), ...value.map((each) => whole(8, each)), whole(20, ATTRIBUTE.ints)]),
    ),
  );
  return Buffer.concat([
    ...inputs.map((name) => text(1, name)),
    text(2, output),
    text(3, `${index}_${op}`),
    text(4, op),
    ...attributes,
  ]);
}

function tensorBytes({ name, dims, data }: SmallTensor): Buffer {
  return Buffer.concat([
    ...dims.map((dim) => whole(1, dim)),
    whole(2, data instanceof Float32Array ? ELEMENT.float32 : ELEMENT.int64),
    text(8, name),
    message(9, Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
  ]);
}

function valueBytes({ name, dims }: { readonly name: string; readonly dims: readonly number[] }): Buffer {
  const shape = Buffer.concat(dims.map((dim) => message(1, whole(1, dim))));
  const tensorType = Buffer.concat([whole(1, ELEMENT.float32), message(2, shape)]);
  return Buffer.concat([text(1, name), message(2, message(1, tensorType))]);
}

function whole(field: number, value: number): Buffer {
  return Buffer.concat([varint((field << 3) | 0), varint(value)]);
}

function text(field: number, value: string): Buffer {
  return message(field, Buffer.from(value, 'utf8'));
}

function message(field: number, body: Buffer): Buffer {
  return Buffer.concat([varint((field << 3) | 2), varint(body.length), body]);
}
