import { closeSync, fstatSync, openSync } from 'node:fs';
import { basename } from 'node:path';
import { fail, ok, type Result } from '../../core/result.ts';
import { hashFile } from '../bundle/hash-file.ts';
import { readExactly } from './byte-window.ts';
import { dequantizeGgml } from './gguf-blocks.ts';
import { readGgufConfig } from './gguf-config.ts';
import { readGgufHeader, type GgufHeader } from './gguf-header.ts';
import { ggufTensorNames, isInterleaved, unpermuteRotaryRows } from './gguf-names.ts';
import { readGgufTokenizer } from './gguf-tokenizer.ts';
import { expectedWeights, type SourceModel } from './source-model.ts';
import { NAME_ANOTHER_MODEL, unreadWeight } from './supported-models.ts';

/** Names the storage of the weights by what most of the tensors use. */
function mainType(header: GgufHeader): string {
  const bytes = new Map<string, number>();
  for (const tensor of header.tensors.values())
    if (tensor.name.startsWith('blk.'))
      bytes.set(tensor.type, (bytes.get(tensor.type) ?? 0) + tensor.sizeBytes);
  return [...bytes].sort((a, b) => b[1] - a[1])[0]?.[0] ?? '?';
}

export interface GgufModel extends SourceModel {
  readonly header: GgufHeader;
}

/**
 * Opens a GGUF v3 file of a supported architecture. Failures: `file-missing`, those of {@link readGgufHeader},
 * {@link readGgufConfig} and {@link readGgufTokenizer}, and `gguf-corrupt` where a tensor is absent or has the wrong shape.
 */
export async function openGguf(path: string, signal?: AbortSignal): Promise<Result<GgufModel>> {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    return fail('file-missing', `${path} cannot be opened.`, 'Check the path.', String(error));
  }
  const closeAnd = <T>(result: Result<T>): Result<T> => {
    closeSync(fd);
    return result;
  };
  const header = readGgufHeader(fd, fstatSync(fd).size, path);
  if (!header.ok) return closeAnd(header);
  const shape = readGgufConfig(header.value, path);
  if (!shape.ok) return closeAnd(shape);
  const { config, notes } = shape.value;
  const names = ggufTensorNames(config);
  for (const [name, expected] of expectedWeights(config)) {
    const stored = names.get(name) ?? name;
    const dims = header.value.tensors.get(stored)?.dims;
    const wanted = [...expected].reverse();
    if (dims === undefined || dims.join('x') !== wanted.join('x'))
      return closeAnd(
        fail(
          'gguf-corrupt',
          `${path} is damaged: tensor ${stored} is ${dims === undefined ? 'missing' : dims.join('x')}, expected ${wanted.join('x')}.`,
          'Fetch the file again, or name another model.',
        ),
      );
  }
  const unread = unreadWeight(header.value.tensors.keys(), new Set(names.values()));
  if (unread !== null)
    return closeAnd(
      fail(
        'gguf-unsupported',
        `${path} has a tensor ${unread}, which a plain ${config.architecture} has not and Bungee would leave out.`,
        NAME_ANOTHER_MODEL,
      ),
    );
  const tokenizer = readGgufTokenizer(header.value, path);
  if (!tokenizer.ok) return closeAnd(tokenizer);
  const sha256 = await hashFile(path, signal);
  const { headDim, hiddenSize } = config;
  const text = (key: string): string | undefined => {
    const value = header.value.metadata.get(key)?.value;
    return typeof value === 'string' ? value : undefined;
  };
  const read = (name: string): Float32Array => {
    const info = header.value.tensors.get(names.get(name) ?? name);
    if (info === undefined) throw new RangeError(`no weight named ${name}`);
    const elements = info.dims.reduce((product, dim) => product * dim, 1);
    const values = dequantizeGgml(info.type, readExactly(fd, info.offset, info.sizeBytes), elements);
    return isInterleaved(config, name) ? unpermuteRotaryRows(values, hiddenSize, headDim) : values;
  };
  return ok({
    name: basename(path)
      .replace(/\.gguf$/i, '')
      .replace(/[.-](Q\d\w*|F16|BF16|F32)$/i, ''),
    format: `GGUF ${mainType(header.value)}`,
    sha256,
    licence: { spdx: text('general.license') ?? 'unknown', notice: text('general.organization') ?? '' },
    config,
    notes,
    tokenizer: tokenizer.value,
    header: header.value,
    tensor: read,
    close: () => closeSync(fd),
  });
}
