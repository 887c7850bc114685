// Writes small ONNX models by hand, so that the conformance program runs anywhere Node does, without packages.

/** Element type codes of TensorProto. */
export const ELEMENT = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  uint4: 21,
  int4: 22,
};

function varint(value) {
  const bytes = [];
  for (let rest = BigInt.asUintN(64, BigInt(value)); ; rest >>= 7n) {
    const last = rest < 128n;
    bytes.push(Number(rest & 127n) | (last ? 0 : 128));
    if (last) return Buffer.from(bytes);
  }
}

const number = (id, value) => Buffer.concat([varint(id << 3), varint(value)]);
const bytes = (id, content) => {
  const body = typeof content === 'string' ? Buffer.from(content) : content;
  return Buffer.concat([varint((id << 3) | 2), varint(body.length), body]);
};
const message = (id, ...fields) => bytes(id, Buffer.concat(fields));

/** Dims: numbers, or names of free dimensions. */
function tensorType(type, dims) {
  const shape = dims.map((dim) => message(1, typeof dim === 'string' ? bytes(2, dim) : number(1, dim)));
  return message(1, number(1, ELEMENT[type]), message(2, ...shape));
}

/** A tensor that goes in or comes out. */
export const port = (id, { name, type, dims, sequence }) =>
  message(
    id,
    bytes(1, name),
    sequence === true
      ? message(2, message(4, message(1, tensorType(type, dims))))
      : message(2, tensorType(type, dims)),
  );

function attribute(name, value) {
  if (Array.isArray(value))
    return message(5, bytes(1, name), ...value.map((each) => number(8, each)), number(20, 7));
  return message(5, bytes(1, name), number(3, value), number(20, 2));
}

function node({ op, inputs, outputs, attributes = {} }) {
  return message(
    1,
    ...inputs.map((name) => bytes(1, name)),
    ...outputs.map((name) => bytes(2, name)),
    bytes(4, op),
    ...Object.entries(attributes).map(([name, value]) => attribute(name, value)),
  );
}

/** `data`: typed array, or {file, offset, length} of a file beside the model. */
function initializer({ name, type, dims, data }) {
  const head = [...dims.map((dim) => number(1, dim)), number(2, ELEMENT[type]), bytes(8, name)];
  if (ArrayBuffer.isView(data))
    return message(5, ...head, bytes(9, Buffer.from(data.buffer, data.byteOffset, data.byteLength)));
  const entry = (key, value) => message(13, bytes(1, key), bytes(2, String(value)));
  return message(
    5,
    ...head,
    entry('location', data.file),
    entry('offset', data.offset),
    entry('length', data.length),
    number(14, 1),
  );
}

/** A ModelProto of operator set 21. */
export function onnxModel({ nodes, inputs, outputs, initializers = [] }) {
  const graph = message(
    7,
    ...nodes.map(node),
    bytes(2, 'conformance'),
    ...initializers.map(initializer),
    ...inputs.map((each) => port(11, each)),
    ...outputs.map((each) => port(12, each)),
  );
  return Buffer.concat([number(1, 10), graph, message(8, bytes(1, ''), number(2, 21))]);
}
