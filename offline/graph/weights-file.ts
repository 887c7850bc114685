import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { ELEMENT_BYTES, type ElementType } from './onnx-schema.ts';

/** Offsets are multiples of a page, so that a mapping of any tensor starts on one. */
const PAGE_BYTES = 4096;

/** Where a tensor lies in the weights file. */
export interface StoredTensor {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly offset: number;
  readonly length: number;
}

/** Which tensors a weights file holds, by name. */
export type WeightCatalog = ReadonlyMap<string, StoredTensor>;

/** Appends tensors to one file, streamed: nothing is kept but the catalog. */
export class WeightsFile {
  readonly #fd: number;
  readonly #catalog = new Map<string, StoredTensor>();
  #end = 0;

  constructor(path: string) {
    this.#fd = openSync(path, 'wx');
  }

  get catalog(): WeightCatalog {
    return this.#catalog;
  }

  add(name: string, type: ElementType, dims: readonly number[], data: ArrayBufferView): void {
    const elements = dims.reduce((product, dim) => product * dim, 1);
    const length = elements * ELEMENT_BYTES[type];
    if (data.byteLength !== length)
      throw new RangeError(`${name}: ${data.byteLength} bytes for ${type} [${dims.join(', ')}]`);
    const offset = Math.ceil(this.#end / PAGE_BYTES) * PAGE_BYTES;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, length);
    for (let done = 0; done < length;) done += writeSync(this.#fd, bytes, done, length - done, offset + done);
    this.#store(name, { type, dims, offset, length });
    this.#end = offset + length;
  }

  /** A second name (and shape) for bytes that are there already. */
  alias(name: string, of: string, dims: readonly number[]): void {
    const stored = this.#catalog.get(of);
    if (stored === undefined) throw new RangeError(`no stored tensor ${of}`);
    this.#store(name, { ...stored, dims });
  }

  /** Flushes to disk and closes. */
  finish(): void {
    fsyncSync(this.#fd);
    closeSync(this.#fd);
  }

  /** Closes without flushing; for a temporary file, or one that is given up. */
  close(): void {
    closeSync(this.#fd);
  }

  #store(name: string, tensor: StoredTensor): void {
    if (this.#catalog.has(name)) throw new RangeError(`tensor ${name} stored twice`);
    this.#catalog.set(name, tensor);
  }
}
