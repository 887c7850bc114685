import protobuf from 'protobufjs/light.js';

const field = (type: string, id: number): protobuf.IField => ({ type, id });
const repeated = (type: string, id: number): protobuf.IField => ({ rule: 'repeated', type, id });

/** The part of onnx.proto that tests look at; apart from the writer's own table. */
const root = protobuf.Root.fromJSON({
  nested: {
    Model: { fields: { graph: field('Graph', 7) } },
    Graph: {
      fields: {
        node: repeated('Node', 1),
        initializer: repeated('Tensor', 5),
        input: repeated('Value', 11),
        output: repeated('Value', 12),
      },
    },
    Node: {
      fields: {
        input: repeated('string', 1),
        output: repeated('string', 2),
        opType: field('string', 4),
        attribute: repeated('Attribute', 5),
        domain: field('string', 7),
      },
    },
    Attribute: { fields: { name: field('string', 1), i: field('int64', 3), ints: repeated('int64', 8) } },
    Tensor: {
      fields: {
        dims: repeated('int64', 1),
        dataType: field('int32', 2),
        name: field('string', 8),
        rawData: field('bytes', 9),
      },
    },
    Value: { fields: { name: field('string', 1), type: field('Type', 2) } },
    Type: { fields: { tensorType: field('TensorType', 1) } },
    TensorType: { fields: { elemType: field('int32', 1), shape: field('Shape', 2) } },
    Shape: { fields: { dim: repeated('Dim', 1) } },
    Dim: { fields: { dimValue: field('int64', 1), dimParam: field('string', 2) } },
  },
});

export interface ReadNode {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, number | readonly number[]>>;
}

export interface ReadValue {
  readonly name: string;
  readonly elementType: number;
  readonly dims: readonly (number | string)[];
}

export interface ReadGraph {
  readonly nodes: readonly ReadNode[];
  readonly inputs: readonly ReadValue[];
  readonly outputs: readonly ReadValue[];
  /** By name: dims, and the values of int64 ones that lie in the file. */
  readonly constants: ReadonlyMap<
    string,
    { readonly dims: readonly number[]; readonly ints: readonly number[] | null }
  >;
}

interface Raw {
  readonly graph: {
    readonly node: readonly {
      readonly input?: string[];
      readonly output?: string[];
      readonly opType: string;
      readonly domain?: string;
      readonly attribute?: readonly {
        readonly name: string;
        readonly i?: number;
        readonly ints?: number[];
      }[];
    }[];
    readonly initializer?: readonly {
      readonly name: string;
      readonly dims?: number[];
      readonly dataType: number;
      readonly rawData?: Uint8Array;
    }[];
    readonly input: readonly RawValue[];
    readonly output: readonly RawValue[];
  };
}

interface RawValue {
  readonly name: string;
  readonly type: {
    readonly tensorType: {
      readonly elemType: number;
      readonly shape: {
        readonly dim?: readonly { readonly dimValue?: number; readonly dimParam?: string }[];
      };
    };
  };
}

const INT64 = 7;

export function readOnnx(bytes: Uint8Array): ReadGraph {
  const type = root.lookupType('Model');
  const { graph } = type.toObject(type.decode(bytes), { longs: Number }) as Raw;
  const value = ({ name, type: { tensorType } }: RawValue): ReadValue => ({
    name,
    elementType: tensorType.elemType,
    dims: (tensorType.shape.dim ?? []).map(({ dimValue, dimParam }) => dimParam ?? dimValue ?? 0),
  });
  return {
    nodes: graph.node.map(({ input, output, opType, domain, attribute }) => ({
      op: opType,
      domain: domain ?? '',
      inputs: input ?? [],
      outputs: output ?? [],
      attributes: Object.fromEntries((attribute ?? []).map(({ name, i, ints }) => [name, ints ?? i ?? 0])),
    })),
    inputs: graph.input.map(value),
    outputs: graph.output.map(value),
    constants: new Map(
      (graph.initializer ?? []).map(({ name, dims, dataType, rawData }) => [
        name,
        { dims: dims ?? [], ints: dataType === INT64 && rawData !== undefined ? int64s(rawData) : null },
      ]),
    ),
  };
}

function int64s(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 8 }, (_, i) => Number(view.getBigInt64(8 * i, true)));
}
