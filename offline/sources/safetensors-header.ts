import { closeSync, fstatSync, openSync } from 'node:fs';
import { z } from 'zod';
import { parseJsonWith } from '../../core/parse.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { EndOfFileError, readExactly } from './byte-window.ts';

/** Element types that the reader turns into f32. */
export const SAFETENSORS_TYPES = { F32: 4, F16: 2, BF16: 2 } as const;
export type SafetensorsType = keyof typeof SAFETENSORS_TYPES;

export interface SafetensorsInfo {
  readonly type: SafetensorsType;
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly offset: number;
  readonly sizeBytes: number;
}

export interface SafetensorsFile {
  readonly fd: number;
  readonly tensors: ReadonlyMap<string, SafetensorsInfo>;
}

/** The format's own limit (safetensors/src/tensor.rs). */
const MAX_HEADER_BYTES = 100_000_000;

const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(z.int().nonnegative()),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});
const headerSchema = z.record(z.string(), z.union([entrySchema, z.record(z.string(), z.string())]));

const FETCH_AGAIN = 'Fetch the file again, or name another model.';

function isReadable(type: string): type is SafetensorsType {
  return type in SAFETENSORS_TYPES;
}

/**
 * Opens a safetensors file and checks that every tensor lies within it. Failures: `file-missing`,
 * `safetensors-foreign`, `safetensors-truncated`, `safetensors-corrupt`, `safetensors-unsupported`.
 */
export function openSafetensorsFile(path: string): Result<SafetensorsFile> {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    return fail('file-missing', `${path} cannot be opened.`, 'Check the path.', String(error));
  }
  const tensors = readTensors(fd, fstatSync(fd).size, path);
  if (tensors.ok) return ok({ fd, tensors: tensors.value });
  closeSync(fd);
  return tensors;
}

function readTensors(fd: number, fileBytes: number, path: string): Result<Map<string, SafetensorsInfo>> {
  const truncated = (): Result<never> =>
    fail('safetensors-truncated', `${path} ends before its tensors do: the file is cut short.`, FETCH_AGAIN);
  let text: string;
  let dataStart: number;
  try {
    const headerBytes = Number(readExactly(fd, 0, 8).readBigUInt64LE());
    if (headerBytes < 2 || headerBytes > MAX_HEADER_BYTES)
      return fail('safetensors-foreign', `${path} is not a safetensors file.`, FETCH_AGAIN);
    dataStart = 8 + headerBytes;
    if (dataStart > fileBytes) return truncated();
    text = readExactly(fd, 8, headerBytes).toString('utf8');
  } catch (error) {
    if (error instanceof EndOfFileError) return truncated();
    throw error;
  }
  if (!text.startsWith('{'))
    return fail('safetensors-foreign', `${path} is not a safetensors file.`, FETCH_AGAIN);
  const header = parseJsonWith(headerSchema, text, `header of ${path}`);
  if (!header.ok)
    return fail('safetensors-corrupt', `${path} is damaged: ${header.failure.message}`, FETCH_AGAIN);
  const tensors = new Map<string, SafetensorsInfo>();
  for (const [name, raw] of Object.entries(header.value)) {
    if (name === '__metadata__') continue;
    const entry = entrySchema.safeParse(raw);
    if (!entry.success)
      return fail('safetensors-corrupt', `${path} is damaged: tensor ${name} is not described.`, FETCH_AGAIN);
    const {
      dtype,
      shape,
      data_offsets: [from, to],
    } = entry.data;
    if (!isReadable(dtype))
      return fail(
        'safetensors-unsupported',
        `${path}: tensor ${name} is stored as ${dtype}; Bungee reads ${Object.keys(SAFETENSORS_TYPES).join(', ')}.`,
        'Use a bf16, f16 or f32 copy of this model.',
      );
    const sizeBytes = shape.reduce((product, dim) => product * dim, SAFETENSORS_TYPES[dtype]);
    if (to - from !== sizeBytes)
      return fail(
        'safetensors-corrupt',
        `${path} is damaged: tensor ${name} has ${to - from} bytes, expected ${sizeBytes}.`,
        FETCH_AGAIN,
      );
    if (dataStart + to > fileBytes) return truncated();
    tensors.set(name, { type: dtype, shape, offset: dataStart + from, sizeBytes });
  }
  return ok(tensors);
}
