import { COMPARED_TYPES } from './conformance-models.mjs';
import { addFeeds, floats, opened, plain, SAMPLES } from './conformance-values.mjs';

/** A run of the model `add` with one feed replaced: what is said of things that are no tensor. */
const wrongTensor = (make) => (ort, models) =>
  opened(ort, models.add, async (session) => plain(await session.run({ ...addFeeds(ort), b: make(ort) })));
const wrongRun =
  (...more) =>
  (ort, models) =>
    opened(ort, models.add, async (session) => plain(await session.run(addFeeds(ort), ...more)));
const good = { dims: [3], location: 'cpu', type: 'float32', data: Float32Array.of(1, 2, 3) };

/** Each: what to do with an onnxruntime-node; its answer or what it throws is compared. */
export const RUN_CASES = {
  ...Object.fromEntries(
    COMPARED_TYPES.flatMap((type) => [
      [
        `${type} comes out as it went in`,
        (ort, models) =>
          opened(ort, models[type], async (session) =>
            plain(await session.run({ x: new ort.Tensor(type, SAMPLES[type](), [2, 3]) })),
          ),
      ],
      [
        `${type} without elements`,
        (ort, models) =>
          opened(ort, models[type], async (session) =>
            plain(await session.run({ x: new ort.Tensor(type, SAMPLES[type]().slice(0, 0), [0, 3]) })),
          ),
      ],
      [
        `${type} into a given tensor`,
        (ort, models) =>
          opened(ort, models[type], async (session) => {
            const y = new ort.Tensor(
              type,
              SAMPLES[type]().fill(
                type === 'string' ? 'old' : type.endsWith('64') && type !== 'float64' ? 1n : 1,
              ),
              [2, 3],
            );
            return plain(await session.run({ x: new ort.Tensor(type, SAMPLES[type](), [2, 3]) }, { y }));
          }),
      ],
    ]),
  ),
  ...Object.fromEntries(
    [
      'add',
      'several',
      'transpose',
      'gather',
      'sequence',
      'constant',
      'scalar',
      'uint4',
      'int4',
      'float16',
    ].map((name) => [
      `metadata of ${name}`,
      (ort, models) =>
        opened(ort, models[name], (session) => ({
          inputNames: session.inputNames,
          outputNames: session.outputNames,
          inputs: session.inputMetadata,
          outputs: session.outputMetadata,
        })),
    ]),
  ),
  'broadcast sum': (ort, models) =>
    opened(ort, models.add, async (session) => plain(await session.run(addFeeds(ort)))),
  scalar: (ort, models) =>
    opened(ort, models.scalar, async (session) =>
      plain(await session.run({ x: new ort.Tensor('float32', Float32Array.of(4), []) })),
    ),
  'no inputs': (ort, models) => opened(ort, models.constant, async (session) => plain(await session.run({}))),
  'feeds that the model has not are ignored': (ort, models) =>
    opened(ort, models.add, async (session) =>
      plain(await session.run({ ...addFeeds(ort), other: floats(ort, [1]) })),
    ),
  'a subset of the outputs': (ort, models) =>
    opened(ort, models.several, async (session) =>
      plain(await session.run({ a: floats(ort, [4]), b: floats(ort, [4], 1) }, ['sum', 'less'])),
    ),
  'some outputs given, some not': (ort, models) =>
    opened(ort, models.several, async (session) =>
      plain(
        await session.run(
          { a: floats(ort, [4]), b: floats(ort, [4], 1) },
          { sum: floats(ort, [4]), product: null, minus: floats(ort, [4]) },
        ),
      ),
    ),
  'a given output in the middle of a larger array': (ort, models) =>
    opened(ort, models.add, async (session) => {
      const whole = new Float32Array(10).fill(9);
      const sum = new ort.Tensor('float32', whole.subarray(2, 8), [2, 3]);
      const results = plain(await session.run(addFeeds(ort), { sum }));
      return { results, whole: [...whole] };
    }),
  'a feed in the middle of a larger array': (ort, models) =>
    opened(ort, models.add, async (session) => {
      const whole = Float32Array.from({ length: 9 }, (_, i) => i);
      return plain(
        await session.run({
          a: new ort.Tensor('float32', whole.subarray(2, 8), [2, 3]),
          b: floats(ort, [3]),
        }),
      );
    }),
  'a given output of another shape': (ort, models) =>
    opened(ort, models.add, async (session) =>
      plain(await session.run(addFeeds(ort), { sum: floats(ort, [3, 3]) })),
    ),
  'a given output of another type': (ort, models) =>
    opened(ort, models.add, async (session) =>
      plain(await session.run(addFeeds(ort), { sum: new ort.Tensor('int32', new Int32Array(6), [2, 3]) })),
    ),
  'a sequence comes out': (ort, models) =>
    opened(ort, models.sequence, async (session) => plain(await session.run({ x: floats(ort, [2]) }))),
  'a missing feed': (ort, models) =>
    opened(ort, models.add, async (session) => plain(await session.run({ a: floats(ort, [2, 3]) }))),
  'a feed of another shape': wrongTensor((ort) => floats(ort, [4])),
  'a feed of another rank': wrongTensor((ort) => floats(ort, [1, 1, 3])),
  'a feed of another type': wrongTensor((ort) => new ort.Tensor('int32', new Int32Array(3), [3])),
  'an index outside': (ort, models) =>
    opened(ort, models.gather, async (session) =>
      plain(
        await session.run({
          table: floats(ort, [2, 2]),
          index: new ort.Tensor('int64', BigInt64Array.of(7n), []),
        }),
      ),
    ),
  'a feed that is a number': wrongTensor(() => 1),
  'a feed that is null': wrongTensor(() => null),
  'dims that are no array': wrongTensor(() => ({ ...good, dims: 3 })),
  'a dim that is no number': wrongTensor(() => ({ ...good, dims: ['3'] })),
  'a dim below 0': wrongTensor(() => ({ ...good, dims: [-3] })),
  'a broken dim': wrongTensor(() => ({ ...good, dims: [1.5] })),
  'a dim too large': wrongTensor(() => ({ ...good, dims: [2 ** 33] })),
  'dims larger than the data': wrongTensor(() => ({ ...good, dims: [4] })),
  'no location': wrongTensor(() => ({ ...good, location: undefined })),
  'an unknown location': wrongTensor(() => ({ ...good, location: 'moon' })),
  'a location that is not the CPU': wrongTensor(() => ({ ...good, location: 'texture' })),
  'a string elsewhere': wrongTensor(() => ({ ...good, type: 'string', location: 'gpu-buffer' })),
  'a disposed tensor': wrongTensor((ort) => {
    const tensor = floats(ort, [3]);
    tensor.dispose();
    return tensor;
  }),
  'no type': wrongTensor(() => ({ ...good, type: 7 })),
  'an unknown type': wrongTensor(() => ({ ...good, type: 'float8' })),
  'a type without tensors': wrongTensor(() => ({ ...good, type: 'int4', data: new Uint8Array(2) })),
  'data that is no array': wrongTensor(() => ({ ...good, data: [1, 2, 3] })),
  'data of another type': wrongTensor(() => ({ ...good, data: Float64Array.of(1, 2, 3) })),
  'half precision in another type': wrongTensor(() => ({
    ...good,
    type: 'float16',
    data: new Int16Array(3),
  })),
  'strings that are no array': wrongTensor(() => ({ ...good, type: 'string', data: 'abc' })),
  'strings among which is a number': wrongTensor(() => ({ ...good, type: 'string', data: ['a', 1, 'b'] })),
  'a getter that throws': wrongTensor(() => ({
    ...good,
    get data() {
      throw new RangeError('mine');
    },
  })),
  'run options': wrongRun({ tag: 'mine', logSeverityLevel: 3 }),
  'a tag that is no string': wrongRun({ tag: 1 }),
  'a severity that is no number': wrongRun({ logSeverityLevel: 'high' }),
  'a severity too high': wrongRun({ logSeverityLevel: 5 }),
};
