import { fail, ok, type Result } from '../../core/result.ts';
import { ByteWindow, EndOfFileError } from './byte-window.ts';
import { GGML_TYPES, ggmlTypeBytes, type GgmlType } from './gguf-blocks.ts';

/** GGUF v3: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */
export const GGUF_MAGIC = 0x46554747;
export const GGUF_VERSION = 3;
export const GGUF_DEFAULT_ALIGNMENT = 32;

/** Metadata value type codes, as in the specification. */
export const GGUF_VALUE = {
  uint8: 0,
  int8: 1,
  uint16: 2,
  int16: 3,
  uint32: 4,
  int32: 5,
  float32: 6,
  bool: 7,
  string: 8,
  array: 9,
  uint64: 10,
  int64: 11,
  float64: 12,
} as const;

export type GgufScalar = number | bigint | boolean | string;
export interface GgufValue {
  readonly type: number;
  /** Element type of an array; absent for scalars. */
  readonly itemType?: number;
  readonly value: GgufScalar | readonly GgufScalar[];
}

export interface GgufTensorInfo {
  readonly name: string;
  /** Innermost dimension first, as in the file. */
  readonly dims: readonly number[];
  readonly type: GgmlType;
  /** From the start of the file. */
  readonly offset: number;
  readonly sizeBytes: number;
}

export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, GgufTensorInfo>;
}

/** A damaged field, found while parsing. */
class CorruptError extends Error {}

const MAX_DIMS = 4;

function readScalar(window: ByteWindow, type: number): GgufScalar {
  switch (type) {
    case GGUF_VALUE.uint8:
      return window.take(1).readUInt8();
    case GGUF_VALUE.int8:
      return window.take(1).readInt8();
    case GGUF_VALUE.uint16:
      return window.take(2).readUInt16LE();
    case GGUF_VALUE.int16:
      return window.take(2).readInt16LE();
    case GGUF_VALUE.uint32:
      return window.u32();
    case GGUF_VALUE.int32:
      return window.take(4).readInt32LE();
    case GGUF_VALUE.float32:
      return window.take(4).readFloatLE();
    case GGUF_VALUE.bool:
      return window.take(1).readUInt8() !== 0;
    case GGUF_VALUE.string:
      return readString(window);
    case GGUF_VALUE.uint64:
      return window.take(8).readBigUInt64LE();
    case GGUF_VALUE.int64:
      return window.take(8).readBigInt64LE();
    case GGUF_VALUE.float64:
      return window.take(8).readDoubleLE();
    default:
      throw new CorruptError(`metadata value type ${type} does not exist`);
  }
}

function readString(window: ByteWindow): string {
  return window.take(window.u64()).toString('utf8');
}

function readValue(window: ByteWindow): GgufValue {
  const type = window.u32();
  if (type !== GGUF_VALUE.array) return { type, value: readScalar(window, type) };
  const itemType = window.u32();
  if (itemType === GGUF_VALUE.array) throw new CorruptError('metadata holds an array of arrays');
  const count = window.u64();
  if (count > window.remainingBytes) throw new EndOfFileError();
  const value: GgufScalar[] = [];
  for (let i = 0; i < count; i++) value.push(readScalar(window, itemType));
  return { type, itemType, value };
}

function readTensorInfo(window: ByteWindow): Omit<GgufTensorInfo, 'sizeBytes'> & { elements: number } {
  const name = readString(window);
  const rank = window.u32();
  if (rank === 0 || rank > MAX_DIMS) throw new CorruptError(`tensor ${name} has ${rank} dimensions`);
  const dims = Array.from({ length: rank }, () => window.u64());
  const typeCode = window.u32();
  const offset = window.u64();
  const type = GGML_TYPES.get(typeCode);
  if (type === undefined)
    throw new UnsupportedTypeError(
      `tensor ${name} is stored as GGML type ${typeCode}; Bungee reads ${[...GGML_TYPES.values()].join(', ')}`,
    );
  const elements = dims.reduce((product, dim) => product * dim, 1);
  if (!Number.isSafeInteger(elements) || elements === 0)
    throw new CorruptError(`tensor ${name} has impossible dimensions ${dims.join('x')}`);
  return { name, dims, type, offset, elements };
}

class UnsupportedTypeError extends Error {}

const FETCH_AGAIN = 'Fetch the file again, or name another model.';

/**
 * Parses the header of a GGUF file and checks that every tensor lies within it. Failures: `gguf-foreign`,
 * `gguf-version`, `gguf-truncated`, `gguf-corrupt`, `gguf-unsupported`.
 */
export function readGgufHeader(fd: number, sizeBytes: number, path: string): Result<GgufHeader> {
  try {
    const window = new ByteWindow(fd, sizeBytes);
    if (sizeBytes < 4 || window.u32() !== GGUF_MAGIC)
      return fail('gguf-foreign', `${path} is not a GGUF file (it does not start with "GGUF").`, FETCH_AGAIN);
    const version = window.u32();
    if (version !== GGUF_VERSION)
      return fail(
        'gguf-version',
        `${path} is GGUF version ${version}; Bungee reads version ${GGUF_VERSION}.`,
        'Convert it again with a current llama.cpp.',
      );
    const tensorCount = window.u64();
    const valueCount = window.u64();
    if (tensorCount + valueCount > window.remainingBytes) throw new EndOfFileError();
    const metadata = new Map<string, GgufValue>();
    for (let i = 0; i < valueCount; i++) metadata.set(readString(window), readValue(window));
    const infos = [];
    for (let i = 0; i < tensorCount; i++) infos.push(readTensorInfo(window));
    const alignment = metadata.get('general.alignment')?.value ?? GGUF_DEFAULT_ALIGNMENT;
    if (typeof alignment !== 'number' || alignment <= 0 || alignment % 8 !== 0)
      throw new CorruptError(`general.alignment is ${String(alignment)}`);
    const dataStart = Math.ceil(window.position / alignment) * alignment;
    const tensors = new Map<string, GgufTensorInfo>();
    for (const { name, dims, type, offset, elements } of infos) {
      const bytes = ggmlTypeBytes(type, elements);
      if (bytes === null)
        throw new CorruptError(
          `tensor ${name} has ${elements} elements, not a whole number of ${type} blocks`,
        );
      if (dataStart + offset + bytes > sizeBytes) throw new EndOfFileError();
      if (tensors.has(name)) throw new CorruptError(`tensor ${name} appears twice`);
      tensors.set(name, { name, dims, type, offset: dataStart + offset, sizeBytes: bytes });
    }
    return ok({ metadata, tensors });
  } catch (error) {
    if (error instanceof EndOfFileError)
      return fail(
        'gguf-truncated',
        `${path} ends before its tensors do: the file is cut short.`,
        FETCH_AGAIN,
      );
    if (error instanceof CorruptError)
      return fail('gguf-corrupt', `${path} is damaged: ${error.message}.`, FETCH_AGAIN);
    if (error instanceof UnsupportedTypeError)
      return fail(
        'gguf-unsupported',
        `${path}: ${error.message}.`,
        'Use a Q4_0, Q4_1, Q8_0, F16, BF16 or F32 file of this model.',
      );
    throw error;
  }
}
