// What the cases of all files are made of.

/** Values of each type, among them the largest and the odd ones. */
export const SAMPLES = {
  float32: () => Float32Array.of(1.5, -0, NaN, Infinity, 3.4e38, 1e-45),
  uint8: () => Uint8Array.of(0, 1, 2, 127, 128, 255),
  int8: () => Int8Array.of(0, 1, -1, 127, -128, 5),
  uint16: () => Uint16Array.of(0, 1, 2, 32767, 32768, 65535),
  int16: () => Int16Array.of(0, 1, -1, 32767, -32768, 5),
  int32: () => Int32Array.of(0, 1, -1, 2147483647, -2147483648, 5),
  int64: () => BigInt64Array.of(0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 5n),
  string: () => ['', 'a', 'Grüße', '\u{1f998}', 'two\nlines', ' '],
  bool: () => Uint8Array.of(0, 1, 0, 1, 1, 0),
  float16: () => Uint16Array.of(0, 0x3c00, 0x7bff, 0x8000, 0x7c00, 0x0001),
  float64: () => Float64Array.of(1.5, -0, NaN, -Infinity, 1.7e308, 5e-324),
  uint32: () => Uint32Array.of(0, 1, 2, 2147483647, 2147483648, 4294967295),
  uint64: () => BigUint64Array.of(0n, 1n, 2n, 2n ** 63n, 2n ** 64n - 1n, 5n),
};

/** What a run gave, as plain values that can be compared. */
export function plain(results) {
  return Object.fromEntries(
    Object.entries(results).map(([name, { type, dims, data, location }]) => [
      name,
      {
        type,
        dims: [...dims],
        location,
        array: data.constructor.name,
        data: Array.from(data, (x) => `${Object.is(x, -0) ? '-0' : x}`),
      },
    ]),
  );
}

export const open = (ort, path, options = { logSeverityLevel: 4 }) =>
  ort.InferenceSession.create(path, options);

export async function opened(ort, path, use, options) {
  const session = await open(ort, path, options);
  try {
    return await use(session);
  } finally {
    await session.release();
  }
}

export const floats = (ort, dims, from = 0) => {
  const count = dims.reduce((product, dim) => product * dim, 1);
  return new ort.Tensor(
    'float32',
    Float32Array.from({ length: count }, (_, i) => from + i / 3),
    dims,
  );
};

export const addFeeds = (ort) => ({ a: floats(ort, [2, 3]), b: floats(ort, [3], 10) });
