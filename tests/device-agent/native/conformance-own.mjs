// What Bungee's binding does and npm's doesn't: with the answer that is expected of it.

const open = (ort, path, options = {}) =>
  ort.InferenceSession.create(path, { logSeverityLevel: 4, ...options });

const feeds = (ort) => ({
  a: new ort.Tensor('float32', Float32Array.of(1, 2, 3), [1, 3]),
  b: new ort.Tensor('float32', Float32Array.of(10, 20, 30), [3]),
});

async function opened(ort, path, use, options) {
  const session = await open(ort, path, options);
  try {
    return await use(session);
  } finally {
    await session.release();
  }
}

const error = (name, message) => ({ error: name, message });

const HALVES = [0, 0x3c00, 0x7bff, 0x8000, 0x7c00, 0x0001];

export const OWN_CASES = {
  'half-precision numbers keep their bits, whichever array JavaScript has for them': {
    act: (ort, models) =>
      opened(ort, models.float16, async (session) => {
        const { y } = await session.run({ x: new ort.Tensor('float16', Uint16Array.from(HALVES), [2, 3]) });
        return [...new Uint16Array(y.data.buffer, y.data.byteOffset, y.data.length)];
      }),
    expected: { value: HALVES },
  },
  'a given output is the result itself, written in place on every run': {
    act: (ort, models) =>
      opened(ort, models.add, async (session) => {
        const data = new Float32Array(3);
        const sum = new ort.Tensor('float32', data, [1, 3]);
        const first = await session.run(feeds(ort), { sum });
        const firstData = [...data];
        const second = await session.run(
          { ...feeds(ort), b: new ort.Tensor('float32', new Float32Array(3), [3]) },
          { sum },
        );
        return [first.sum === sum, second.sum === sum, sum.data === data, firstData, [...data]];
      }),
    expected: { value: [true, true, true, [11, 22, 33], [1, 2, 3]] },
  },
  'a feed may lie in shared memory': {
    act: (ort, models) =>
      opened(ort, models.add, async (session) => {
        const b = new ort.Tensor('float32', new Float32Array(new SharedArrayBuffer(12)).fill(2), [3]);
        return [...(await session.run({ ...feeds(ort), b })).sum.data];
      }),
    expected: { value: [3, 4, 5] },
  },
  'free dimensions are given their sizes': {
    act: (ort, models) =>
      opened(ort, models.add, (session) => session.inputMetadata[0].shape, {
        freeDimensionOverrides: { rows: 1 },
      }),
    expected: { value: [1, 3] },
  },
  'a size that is no number is refused': {
    act: (ort, models) => open(ort, models.add, { freeDimensionOverrides: { rows: '1' } }),
    expected: error(
      'TypeError',
      "Invalid argument: sessionOptions.freeDimensionOverrides['rows'] must be a number.",
    ),
  },
  'a run can be told to end at once': {
    act: (ort, models) => opened(ort, models.add, (session) => session.run(feeds(ort), { terminate: true })),
    expected: error('Error', 'Exiting due to terminate flag being set to true.'),
  },
  'a run takes configuration entries': {
    act: (ort, models) =>
      opened(ort, models.add, async (session) => [
        ...(await session.run(feeds(ort), { extra: { memory: { enable_memory_arena_shrinkage: 'cpu:0' } } }))
          .sum.data,
      ]),
    expected: { value: [11, 22, 33] },
  },
  'an entry that is no string is refused': {
    act: (ort, models) =>
      opened(ort, models.add, (session) => session.run(feeds(ort), { extra: { memory: 1 } })),
    expected: error(
      'TypeError',
      'Invalid argument: runOptions.extra value must be a string in Node.js binding.',
    ),
  },
  'nothing can be done to a session from inside of its run': {
    act: (ort, models, native) => {
      const session = new native.InferenceSession();
      session.loadModel(models.add, {});
      const tensors = feeds(ort);
      const said = [];
      const hear = (act) => {
        try {
          act();
        } catch ({ message }) {
          said.push(message);
        }
      };
      const results = session.run(
        {
          a: tensors.a,
          get b() {
            hear(() => session.run(tensors, { sum: null }, {}));
            hear(() => session.dispose());
            return tensors.b;
          },
        },
        { sum: null },
        {},
      );
      session.dispose();
      return [[...results.sum.data], said];
    },
    expected: {
      value: [
        [11, 22, 33],
        ['The session is running.', 'The session is running.'],
      ],
    },
  },
};
