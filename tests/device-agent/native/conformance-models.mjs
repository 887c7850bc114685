import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ELEMENT, onnxModel } from './onnx-model.mjs';

/** Types that onnxruntime-common makes tensors of; the rest can only be asked about. */
const TENSOR_TYPES = Object.keys(ELEMENT).filter((type) => !type.endsWith('int4'));

/**
 * Those whose tensors both bindings take: where JavaScript has Float16Array (Node 24), onnxruntime-common makes
 * half-precision tensors of it, and npm's binding takes it for empty.
 */
export const COMPARED_TYPES = TENSOR_TYPES.filter(
  (type) => type !== 'float16' || !('Float16Array' in globalThis),
);

const identity = (type, dims) => ({
  nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }],
  inputs: [{ name: 'x', type, dims }],
  outputs: [{ name: 'y', type, dims }],
});

const add = {
  nodes: [{ op: 'Add', inputs: ['a', 'b'], outputs: ['sum'] }],
  inputs: [
    { name: 'a', type: 'float32', dims: ['rows', 3] },
    { name: 'b', type: 'float32', dims: [3] },
  ],
  outputs: [{ name: 'sum', type: 'float32', dims: ['rows', 3] }],
};

/** Several of each; one output in another type, one that needs one input only. */
const several = {
  nodes: [
    { op: 'Add', inputs: ['a', 'b'], outputs: ['sum'] },
    { op: 'Mul', inputs: ['a', 'b'], outputs: ['product'] },
    { op: 'Less', inputs: ['a', 'b'], outputs: ['less'] },
    { op: 'Neg', inputs: ['a'], outputs: ['minus'] },
  ],
  inputs: [
    { name: 'a', type: 'float32', dims: ['n'] },
    { name: 'b', type: 'float32', dims: ['n'] },
  ],
  outputs: [
    { name: 'sum', type: 'float32', dims: ['n'] },
    { name: 'product', type: 'float32', dims: ['n'] },
    { name: 'less', type: 'bool', dims: ['n'] },
    { name: 'minus', type: 'float32', dims: ['n'] },
  ],
};

const weight = (data) => ({
  nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
  inputs: [{ name: 'x', type: 'float32', dims: ['n', 4] }],
  outputs: [{ name: 'y', type: 'float32', dims: ['n', 4] }],
  initializers: [{ name: 'w', type: 'float32', dims: [4, 4], data }],
});

const transpose = {
  nodes: [{ op: 'Transpose', inputs: ['x'], outputs: ['y'] }],
  inputs: [{ name: 'x', type: 'int32', dims: ['a', 'b', 'c'] }],
  outputs: [{ name: 'y', type: 'int32', dims: ['c', 'b', 'a'] }],
};

/** Fails at run time where an index lies outside. */
const gather = {
  nodes: [{ op: 'Gather', inputs: ['table', 'index'], outputs: ['row'] }],
  inputs: [
    { name: 'table', type: 'float32', dims: ['n', 2] },
    { name: 'index', type: 'int64', dims: [] },
  ],
  outputs: [{ name: 'row', type: 'float32', dims: [2] }],
};

const sequence = {
  nodes: [{ op: 'SequenceConstruct', inputs: ['x', 'x'], outputs: ['list'] }],
  inputs: [{ name: 'x', type: 'float32', dims: [2] }],
  outputs: [{ name: 'list', type: 'float32', dims: [2], sequence: true }],
};

/** No input at all. */
const constant = {
  nodes: [{ op: 'Identity', inputs: ['w'], outputs: ['y'] }],
  inputs: [],
  outputs: [{ name: 'y', type: 'int64', dims: [2] }],
  initializers: [{ name: 'w', type: 'int64', dims: [2], data: BigInt64Array.of(1n, -(2n ** 60n)) }],
};

export const WEIGHTS = Float32Array.from({ length: 16 }, (_, i) => i / 7 - 1);

/** Writes all models into a folder; returns their paths by name. */
export function writeModels(folder) {
  const models = {
    add,
    several,
    transpose,
    gather,
    sequence,
    constant,
    inside: weight(WEIGHTS),
    outside: weight({ file: 'weights.bin', offset: 0, length: WEIGHTS.byteLength }),
    missing: weight({ file: 'no-such-file.bin', offset: 0, length: WEIGHTS.byteLength }),
    scalar: identity('float32', []),
    unknown: { ...add, nodes: [{ op: 'NoSuchOperator', inputs: ['a', 'b'], outputs: ['sum'] }] },
  };
  for (const type of Object.keys(ELEMENT)) models[type] = identity(type, ['rows', 'columns']);
  writeFileSync(join(folder, 'weights.bin'), WEIGHTS);
  writeFileSync(join(folder, 'broken.onnx'), 'not a model');
  return Object.fromEntries(
    Object.entries(models).map(([name, model]) => {
      const path = join(folder, `${name}.onnx`);
      writeFileSync(path, onnxModel(model));
      return [name, path];
    }),
  );
}
