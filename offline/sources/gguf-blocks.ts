import { floatToHalf, halfToFloat } from '../quantize/half-float.ts';

/** Type codes of ggml that the reader understands; block layouts: ggml/src/ggml-common.h. */
export type GgmlType = 'F32' | 'F16' | 'BF16' | 'Q4_0' | 'Q4_1' | 'Q8_0';
export const GGML_TYPES: ReadonlyMap<number, GgmlType> = new Map([
  [0, 'F32'],
  [1, 'F16'],
  [2, 'Q4_0'],
  [3, 'Q4_1'],
  [8, 'Q8_0'],
  [30, 'BF16'],
]);

export const GGML_BLOCK = 32;
const BLOCK_BYTES: Record<GgmlType, { readonly elements: number; readonly bytes: number }> = {
  F32: { elements: 1, bytes: 4 },
  F16: { elements: 1, bytes: 2 },
  BF16: { elements: 1, bytes: 2 },
  Q4_0: { elements: GGML_BLOCK, bytes: 18 },
  Q4_1: { elements: GGML_BLOCK, bytes: 20 },
  Q8_0: { elements: GGML_BLOCK, bytes: 34 },
};

/** Bytes of so many elements; null where they do not fill whole blocks. */
export function ggmlTypeBytes(type: GgmlType, elements: number): number | null {
  const block = BLOCK_BYTES[type];
  return elements % block.elements === 0 ? (elements / block.elements) * block.bytes : null;
}

/** The code of a type, as written in a tensor's description. */
export function ggmlTypeCode(type: GgmlType): number {
  for (const [code, name] of GGML_TYPES) if (name === type) return code;
  throw new RangeError(`no GGML type ${type}`);
}

/** Decodes whole blocks to f32. */
export function dequantizeGgml(type: GgmlType, bytes: Buffer, elements: number): Float32Array {
  const out = new Float32Array(elements);
  switch (type) {
    case 'F32':
      for (let i = 0; i < elements; i++) out[i] = bytes.readFloatLE(i * 4);
      return out;
    case 'F16':
      for (let i = 0; i < elements; i++) out[i] = halfToFloat(bytes.readUInt16LE(i * 2));
      return out;
    case 'BF16': {
      const bits = new Uint32Array(out.buffer);
      for (let i = 0; i < elements; i++) bits[i] = bytes.readUInt16LE(i * 2) << 16;
      return out;
    }
    case 'Q8_0':
      for (let block = 0, at = 0; at < elements; block += 34, at += GGML_BLOCK) {
        const scale = halfToFloat(bytes.readUInt16LE(block));
        for (let i = 0; i < GGML_BLOCK; i++) out[at + i] = scale * bytes.readInt8(block + 2 + i);
      }
      return out;
    case 'Q4_0':
      for (let block = 0, at = 0; at < elements; block += 18, at += GGML_BLOCK) {
        const scale = halfToFloat(bytes.readUInt16LE(block));
        for (let i = 0; i < 16; i++) {
          const pair = bytes[block + 2 + i] as number;
          out[at + i] = scale * ((pair & 15) - 8);
          out[at + i + 16] = scale * ((pair >> 4) - 8);
        }
      }
      return out;
    case 'Q4_1':
      for (let block = 0, at = 0; at < elements; block += 20, at += GGML_BLOCK) {
        const scale = halfToFloat(bytes.readUInt16LE(block));
        const minimum = halfToFloat(bytes.readUInt16LE(block + 2));
        for (let i = 0; i < 16; i++) {
          const pair = bytes[block + 4 + i] as number;
          out[at + i] = scale * (pair & 15) + minimum;
          out[at + i + 16] = scale * (pair >> 4) + minimum;
        }
      }
      return out;
  }
}

/** Types that {@link quantizeGgml} writes. */
export type WritableGgmlType = 'F32' | 'Q8_0' | 'Q4_0';

/** Encodes f32 to whole blocks with the rounding of ggml's reference quantizers (ggml-quants.c). */
export function quantizeGgml(type: WritableGgmlType, values: Float32Array): Buffer {
  const bytes = ggmlTypeBytes(type, values.length);
  if (bytes === null) throw new RangeError(`${values.length} elements do not fill whole ${type} blocks`);
  const out = Buffer.alloc(bytes);
  if (type === 'F32') {
    for (let i = 0; i < values.length; i++) out.writeFloatLE(values[i] as number, i * 4);
    return out;
  }
  for (let at = 0, block = 0; at < values.length; at += GGML_BLOCK) {
    const slice = values.subarray(at, at + GGML_BLOCK);
    block += type === 'Q8_0' ? writeQ8Block(slice, out, block) : writeQ4Block(slice, out, block);
  }
  return out;
}

/** Away from zero at .5, as C's roundf. */
function roundHalfAway(value: number): number {
  return Math.sign(value) * Math.floor(Math.abs(value) + 0.5);
}

function writeQ8Block(values: Float32Array, out: Buffer, block: number): number {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  const scale = Math.fround(largest / 127);
  out.writeUInt16LE(floatToHalf(scale), block);
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
  for (let i = 0; i < GGML_BLOCK; i++)
    out.writeInt8(roundHalfAway(Math.fround((values[i] as number) * inverse)), block + 2 + i);
  return 34;
}

function writeQ4Block(values: Float32Array, out: Buffer, block: number): number {
  let extreme = 0;
  for (const value of values) if (Math.abs(value) > Math.abs(extreme)) extreme = value;
  const scale = Math.fround(extreme / -8);
  out.writeUInt16LE(floatToHalf(scale), block);
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
  const nibble = (value: number): number =>
    Math.min(15, Math.trunc(Math.fround(Math.fround(value * inverse) + 8.5)));
  for (let i = 0; i < 16; i++)
    out[block + 2 + i] = nibble(values[i] as number) | (nibble(values[i + 16] as number) << 4);
  return 18;
}
