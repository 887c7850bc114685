import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { ModelConfig } from '../../core/model-config.ts';
import { ggmlTypeBytes, ggmlTypeCode, quantizeGgml, type WritableGgmlType } from './gguf-blocks.ts';
import {
  GGUF_DEFAULT_ALIGNMENT,
  GGUF_MAGIC,
  GGUF_VALUE,
  GGUF_VERSION,
  type GgufScalar,
  type GgufValue,
} from './gguf-header.ts';
import type { GgufModel } from './gguf-model.ts';
import { ggufTensorNames, isInterleaved, permuteRotaryRows } from './gguf-names.ts';
import { expectedWeights, WEIGHTS } from './source-model.ts';

/** `general.file_type` of llama.cpp (enum llama_ftype). */
const FILE_TYPE: Record<WritableGgmlType, number> = { F32: 0, Q4_0: 2, Q8_0: 7 };

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(BigInt(bytes.length)), bytes]);
}

function scalar(type: number, value: GgufScalar): Buffer {
  if (type === GGUF_VALUE.string) return text(String(value));
  const bytes = Buffer.alloc(8);
  switch (type) {
    case GGUF_VALUE.bool:
      return bytes.subarray(0, bytes.writeUInt8(value === true ? 1 : 0));
    case GGUF_VALUE.uint8:
      return bytes.subarray(0, bytes.writeUInt8(Number(value)));
    case GGUF_VALUE.int8:
      return bytes.subarray(0, bytes.writeInt8(Number(value)));
    case GGUF_VALUE.uint16:
      return bytes.subarray(0, bytes.writeUInt16LE(Number(value)));
    case GGUF_VALUE.int16:
      return bytes.subarray(0, bytes.writeInt16LE(Number(value)));
    case GGUF_VALUE.uint32:
      return bytes.subarray(0, bytes.writeUInt32LE(Number(value)));
    case GGUF_VALUE.int32:
      return bytes.subarray(0, bytes.writeInt32LE(Number(value)));
    case GGUF_VALUE.float32:
      return bytes.subarray(0, bytes.writeFloatLE(Number(value)));
    case GGUF_VALUE.uint64:
      return bytes.subarray(0, bytes.writeBigUInt64LE(BigInt(value)));
    case GGUF_VALUE.int64:
      return bytes.subarray(0, bytes.writeBigInt64LE(BigInt(value)));
    case GGUF_VALUE.float64:
      return bytes.subarray(0, bytes.writeDoubleLE(Number(value)));
    default:
      throw new RangeError(`no metadata value type ${type}`);
  }
}

function metadataValue({ type, itemType, value }: GgufValue): Buffer {
  if (itemType === undefined || !Array.isArray(value))
    return Buffer.concat([u32(type), scalar(type, value as GgufScalar)]);
  const items = (value as readonly GgufScalar[]).map((item) => scalar(itemType, item));
  return Buffer.concat([u32(type), u32(itemType), u64(BigInt(items.length)), ...items]);
}

/** Norms stay f32; with 4-bit weights the embedding (and tied head) is 8-bit, as in the files people use. */
function storageOf(name: string, shape: readonly number[], type: WritableGgmlType): WritableGgmlType {
  if (shape.length === 1) return 'F32';
  return type === 'Q4_0' && (name === WEIGHTS.embedding || name === WEIGHTS.head) ? 'Q8_0' : type;
}

interface PlannedTensor {
  readonly name: string;
  readonly stored: string;
  readonly shape: readonly number[];
  readonly type: WritableGgmlType;
  readonly offset: number;
}

function planTensors(
  config: ModelConfig,
  type: WritableGgmlType,
): { tensors: PlannedTensor[]; sizeBytes: number } {
  const names = ggufTensorNames(config);
  const tensors: PlannedTensor[] = [];
  let end = 0;
  for (const [name, shape] of expectedWeights(config)) {
    const storage = storageOf(name, shape, type);
    const bytes = ggmlTypeBytes(
      storage,
      shape.reduce((product, dim) => product * dim, 1),
    );
    if (bytes === null || (shape.at(-1) ?? 0) % (storage === 'F32' ? 1 : 32) !== 0)
      throw new RangeError(`rows of ${name} do not fill whole ${storage} blocks`);
    tensors.push({ name, stored: names.get(name) ?? name, shape, type: storage, offset: end });
    end = align(end + bytes);
  }
  return { tensors, sizeBytes: end };
}

function align(offset: number): number {
  return Math.ceil(offset / GGUF_DEFAULT_ALIGNMENT) * GGUF_DEFAULT_ALIGNMENT;
}

/**
 * Writes the model's weights as another GGUF type, with its metadata, so that llama.cpp can run the same
 * weights in its fast formats. Visible under its name only when whole.
 *
 * @param onProgress 0..1; may throw to cancel, nothing is left then.
 */
export function writeGguf(
  model: GgufModel,
  path: string,
  type: WritableGgmlType,
  onProgress: (fraction: number) => void = () => undefined,
): void {
  const metadata = new Map(model.header.metadata);
  metadata.set('general.file_type', { type: GGUF_VALUE.uint32, value: FILE_TYPE[type] });
  metadata.delete('general.alignment');
  const { tensors } = planTensors(model.config, type);
  const head = Buffer.concat([
    u32(GGUF_MAGIC),
    u32(GGUF_VERSION),
    u64(BigInt(tensors.length)),
    u64(BigInt(metadata.size)),
    ...[...metadata].flatMap(([key, value]) => [text(key), metadataValue(value)]),
    ...tensors.map(({ stored, shape, type: storage, offset }) =>
      Buffer.concat([
        text(stored),
        u32(shape.length),
        ...[...shape].reverse().map((dim) => u64(BigInt(dim))),
        u32(ggmlTypeCode(storage)),
        u64(BigInt(offset)),
      ]),
    ),
  ]);
  const dataStart = align(head.length);
  const temporary = `${path}.part`;
  const fd = openSync(temporary, 'w');
  try {
    writeAll(fd, head, 0);
    for (const [i, { name, type: storage, offset }] of tensors.entries()) {
      const { hiddenSize, headDim } = model.config;
      const values = model.tensor(name);
      const rows = isInterleaved(model.config, name)
        ? permuteRotaryRows(values, hiddenSize, headDim)
        : values;
      writeAll(fd, quantizeGgml(storage, rows), dataStart + offset);
      onProgress((i + 1) / tensors.length);
    }
    fsyncSync(fd);
    closeSync(fd);
    renameSync(temporary, path);
  } catch (error) {
    closeSync(fd);
    rmSync(temporary, { force: true });
    throw error;
  }
}

function writeAll(fd: number, bytes: Buffer, position: number): void {
  for (let done = 0; done < bytes.length;)
    done += writeSync(fd, bytes, done, bytes.length - done, position + done);
}
