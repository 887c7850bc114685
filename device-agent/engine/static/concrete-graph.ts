import { varint } from '../../protobuf-varint.ts';

/**
 * Field numbers on the way from an ONNX model to a dim of its inputs and outputs:
 * ModelProto.graph, GraphProto.input/output, ValueInfoProto.type, TypeProto.tensor_type, Tensor.shape, dim
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
 */
const TO_DIM: readonly (readonly number[])[] = [[7], [11, 12], [2], [1], [2], [1]];
const DIM_VALUE = 1;
const DIM_PARAM = 2;

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/**
 * An ONNX model whose inputs and outputs have numbers in place of the named dims; names that `dims` does not hold stay
 * open. The option `freeDimensionOverrides` would do the same, but onnxruntime-node 1.30 ignores it. Throws on bytes
 * that are no protobuf.
 */
export function concreteGraph(model: Uint8Array, dims: Readonly<Record<string, number>>): Uint8Array {
  return rewritten(model, 0, dims);
}

function rewritten(message: Uint8Array, depth: number, dims: Readonly<Record<string, number>>): Uint8Array {
  const wanted = TO_DIM[depth];
  if (wanted === undefined) return concreteDim(message, dims);
  const parts: Uint8Array[] = [];
  for (const field of fieldsOf(message)) {
    if (field.wire !== BYTES || !wanted.includes(field.number)) {
      parts.push(message.subarray(field.start, field.end));
      continue;
    }
    const inside = rewritten(message.subarray(field.content, field.end), depth + 1, dims);
    parts.push(varint(field.number * 8 + BYTES), varint(inside.length), inside);
  }
  return Buffer.concat(parts);
}

function concreteDim(message: Uint8Array, dims: Readonly<Record<string, number>>): Uint8Array {
  for (const field of fieldsOf(message)) {
    if (field.number !== DIM_PARAM) continue;
    const size = dims[new TextDecoder().decode(message.subarray(field.content, field.end))];
    if (size !== undefined) return Buffer.concat([varint(DIM_VALUE * 8 + VARINT), varint(size)]);
  }
  return message;
}

interface Field {
  readonly number: number;
  readonly wire: number;
  /** Where its tag begins, its content begins and it ends. */
  readonly start: number;
  readonly content: number;
  readonly end: number;
}

function* fieldsOf(message: Uint8Array): Generator<Field> {
  let at = 0;
  const read = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++];
      // Sizes and tags of graph files stay far below 2^53; longer varints (negative int64) are only passed over.
      if (byte === undefined) throw new RangeError('the graph ends inside of a field');
      if (shift < 49) value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const start = at;
    const tag = read();
    const wire = tag % 8;
    let content = at;
    if (wire === VARINT) read();
    else if (wire === FIXED64) at += 8;
    else if (wire === FIXED32) at += 4;
    else if (wire === BYTES) {
      const length = read();
      content = at;
      at += length;
    } else throw new RangeError(`the graph has a field of unknown wire type ${wire}`);
    if (at > message.length) throw new RangeError('the graph ends inside of a field');
    yield { number: Math.floor(tag / 8), wire, start, content, end: at };
  }
}
