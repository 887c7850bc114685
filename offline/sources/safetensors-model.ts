import { createHash } from 'node:crypto';
import { closeSync, existsSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { parseJsonWith } from '../../core/parse.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { hashFile } from '../bundle/hash-file.ts';
import { readExactly } from './byte-window.ts';
import { readConfigJson } from './config-json.ts';
import { dequantizeGgml } from './gguf-blocks.ts';
import { openSafetensorsFile, type SafetensorsFile } from './safetensors-header.ts';
import { readFolderTokenizer } from './folder-tokenizer.ts';
import { expectedWeights, type SourceModel } from './source-model.ts';
import { NAME_ANOTHER_MODEL, unreadWeight } from './supported-models.ts';

const WEIGHTS_FILE = 'model.safetensors';
const INDEX_FILE = 'model.safetensors.index.json';

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string().regex(/^[\w.-]+$/)) });

/** The files that hold the weights: one, or those that the index names. */
function weightFiles(folder: string): Result<string[]> {
  if (existsSync(join(folder, WEIGHTS_FILE))) return ok([WEIGHTS_FILE]);
  const indexPath = join(folder, INDEX_FILE);
  if (!existsSync(indexPath))
    return fail(
      'model-incomplete',
      `${folder} holds neither ${WEIGHTS_FILE} nor ${INDEX_FILE}.`,
      'Name a GGUF file or a folder as the Hugging Face hub has it.',
    );
  const index = parseJsonWith(indexSchema, readFileSync(indexPath, 'utf8'), indexPath);
  return index.ok ? ok([...new Set(Object.values(index.value.weight_map))].sort()) : index;
}

/**
 * Opens a folder in the Hugging Face layout: config.json, tokenizer.json, tokenizer_config.json and safetensors,
 * whole or in shards. Failures: `model-incomplete`, those of {@link readConfigJson} and
 * {@link openSafetensorsFile}, and `safetensors-corrupt` where a tensor is absent or has the wrong shape.
 */
export async function openSafetensors(folder: string, signal?: AbortSignal): Promise<Result<SourceModel>> {
  const configPath = join(folder, 'config.json');
  if (!existsSync(configPath))
    return fail(
      'model-incomplete',
      `${folder} has no config.json.`,
      'Name a GGUF file or a folder as the Hugging Face hub has it.',
    );
  const read = readConfigJson(readFileSync(configPath, 'utf8'), configPath);
  if (!read.ok) return read;
  const { config, notes } = read.value;
  const tokenizer = readFolderTokenizer(folder, read.value);
  if (!tokenizer.ok) return tokenizer;
  const names = weightFiles(folder);
  if (!names.ok) return names;

  const files: SafetensorsFile[] = [];
  const close = (): void => {
    for (const file of files.splice(0)) closeSync(file.fd);
  };
  for (const name of names.value) {
    const file = openSafetensorsFile(join(folder, name));
    if (!file.ok) {
      close();
      return file;
    }
    files.push(file.value);
  }
  const find = (name: string) => {
    for (const file of files) {
      const info = file.tensors.get(name);
      if (info !== undefined) return { file, info };
    }
    return null;
  };
  const expected = expectedWeights(config);
  for (const [name, shape] of expected) {
    const found = find(name)?.info.shape.join('x');
    if (found !== shape.join('x')) {
      close();
      return fail(
        'safetensors-corrupt',
        `${folder} is damaged: tensor ${name} is ${found ?? 'missing'}, expected ${shape.join('x')}.`,
        'Fetch the model again, or name another one.',
      );
    }
  }
  const unread = unreadWeight(
    files.flatMap((file) => [...file.tensors.keys()]),
    new Set(expected.keys()),
  );
  if (unread !== null) {
    close();
    return fail(
      'safetensors-unsupported',
      `${folder} has a weight ${unread}, which a plain ${config.architecture} has not and Bungee would leave out.`,
      NAME_ANOTHER_MODEL,
    );
  }
  const hash = createHash('sha256');
  for (const name of names.value) hash.update(await hashFile(join(folder, name), signal));
  const mainType = [...(files[0]?.tensors.values() ?? [])][0]?.type ?? 'F32';
  return ok({
    name: basename(resolve(folder)),
    format: `safetensors ${mainType}`,
    sha256:
      names.value.length === 1
        ? await hashFile(join(folder, names.value[0] ?? ''), signal)
        : hash.digest('hex'),
    licence: readLicence(folder),
    config,
    notes,
    tokenizer: tokenizer.value,
    tensor: (name) => {
      const found = find(name);
      if (found === null) throw new RangeError(`no weight named ${name}`);
      const { file, info } = found;
      const elements = info.shape.reduce((product, dim) => product * dim, 1);
      return dequantizeGgml(info.type, readExactly(file.fd, info.offset, info.sizeBytes), elements);
    },
    close,
  });
}

/** From the model card's front matter (`license: apache-2.0`) and a LICENSE file. */
function readLicence(folder: string): SourceModel['licence'] {
  const card = join(folder, 'README.md');
  const spdx = existsSync(card) ? /^license:\s*([\w.-]+)/m.exec(readFileSync(card, 'utf8'))?.[1] : undefined;
  const file = ['LICENSE', 'LICENSE.txt', 'NOTICE'].find((name) => existsSync(join(folder, name)));
  return {
    spdx: spdx ?? 'unknown',
    notice: file === undefined ? '' : readFileSync(join(folder, file), 'utf8').slice(0, 20_000),
  };
}
