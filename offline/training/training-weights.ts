import { closeSync, mkdirSync, openSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelConfig } from '../../core/model-config.ts';
import type { StaticGraph } from '../differentiate/static-graph.ts';
import type { ComputeDevice } from '../graph/compute-device.ts';
import { WeightsFile, type StoredTensor, type WeightCatalog } from '../graph/weights-file.ts';
import type { UnitOrder } from '../importance/unit-importance.ts';
import { readLayer, reorderLayer } from '../levels/reorder.ts';
import { WEIGHTS, type SourceModel } from '../sources/source-model.ts';
import type { ForwardWeights } from './decoder-forward.ts';
import { unitRows, type LayerShape, type UnitBias, type UnitMatrix } from './layer-shape.ts';

/** Name of the weights file, relative to the graphs beside it. */
export const TRAINING_WEIGHTS_FILE = 'weights-f32.bin';

function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(matrix.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      out[column * rows + row] = matrix[row * columns + column] as number;
  return out;
}

/**
 * A model's f32 weights on disk in the order of its units: every matrix has one row of length `hidden` per unit
 * channel (`o` and `down` are stored input-major), so each level is a prefix of each matrix, in place. Written
 * layer by layer; ONNX Runtime maps the file, so all graphs over it share one copy on disk.
 */
export class TrainingWeights {
  readonly config: ModelConfig;
  readonly folder: string;
  /** What sessions over these weights run on. */
  readonly device: ComputeDevice;
  readonly #catalog: Map<string, StoredTensor>;

  private constructor(config: ModelConfig, folder: string, device: ComputeDevice, catalog: WeightCatalog) {
    this.config = config;
    this.folder = folder;
    this.device = device;
    this.#catalog = new Map(catalog);
  }

  /**
   * @param orders order of each layer's units; null keeps the model's.
   * @param onLayer called after each layer with 0..1; may throw to cancel.
   */
  static write(
    model: SourceModel,
    orders: readonly UnitOrder[] | null,
    folder: string,
    onLayer: (fraction: number) => void = () => undefined,
    device: ComputeDevice = 'cpu',
  ): TrainingWeights {
    const { config } = model;
    const { hiddenSize: d, ffnSize, headDim, heads } = config;
    mkdirSync(folder, { recursive: true });
    const path = join(folder, TRAINING_WEIGHTS_FILE);
    rmSync(path, { force: true });
    const file = new WeightsFile(path);
    try {
      file.add(WEIGHTS.embedding, 'float32', [config.vocabSize, d], model.tensor(WEIGHTS.embedding));
      if (!config.tiedEmbedding)
        file.add(WEIGHTS.head, 'float32', [config.vocabSize, d], model.tensor(WEIGHTS.head));
      file.add(WEIGHTS.finalNorm, 'float32', [d], model.tensor(WEIGHTS.finalNorm));
      for (let layer = 0; layer < config.layers; layer++) {
        const order = orders?.[layer];
        const read = readLayer(model, layer);
        const tensors = order === undefined ? read : reorderLayer(config, read, order);
        const add = (name: string, dims: readonly number[], data: Float32Array | undefined): void => {
          if (data !== undefined) file.add(`${layer}.${name}`, 'float32', dims, data);
        };
        const perChannel = (
          data: Float32Array | undefined,
        ): [readonly number[], Float32Array | undefined] => [[data?.length ?? 0], data];
        add('attentionNorm', [d], tensors.attentionNorm);
        add('mlpNorm', [d], tensors.mlpNorm);
        for (const name of ['q', 'k', 'v'] as const) add(name, [tensors[name].length / d, d], tensors[name]);
        for (const name of ['qBias', 'kBias', 'vBias', 'qNorm', 'kNorm'] as const)
          add(name, ...perChannel(tensors[name]));
        add('o', [heads * headDim, d], transpose(tensors.o, d, heads * headDim));
        add('gate', [ffnSize, d], tensors.gate);
        add('up', [ffnSize, d], tensors.up);
        add('down', [ffnSize, d], transpose(tensors.down, d, ffnSize));
        onLayer((layer + 1) / config.layers);
      }
    } finally {
      file.close();
    }
    return new TrainingWeights(config, folder, device, file.catalog);
  }

  get catalog(): WeightCatalog {
    return this.#catalog;
  }

  /** Name of the part of a layer's matrix that a shape keeps. */
  part(layer: number, matrix: UnitMatrix | UnitBias, shape: LayerShape): string {
    const rows = unitRows(this.config, matrix, shape);
    const whole = `${layer}.${matrix}`;
    const stored = this.#catalog.get(whole);
    if (stored === undefined) throw new RangeError(`no stored weight ${whole}`);
    if (stored.dims[0] === rows) return whole;
    const name = `${whole}.${rows}`;
    if (!this.#catalog.has(name)) {
      const [wholeRows = 0, ...inner] = stored.dims;
      this.#catalog.set(name, {
        ...stored,
        dims: [rows, ...inner],
        length: (stored.length / wholeRows) * rows,
      });
    }
    return name;
  }

  /** A whole stored tensor. */
  read(name: string): Float32Array {
    const stored = this.#catalog.get(name);
    if (stored === undefined) throw new RangeError(`no stored weight ${name}`);
    const values = new Float32Array(stored.length / 4);
    const bytes = new Uint8Array(values.buffer);
    const fd = openSync(join(this.folder, TRAINING_WEIGHTS_FILE), 'r');
    try {
      for (let done = 0; done < bytes.length;) {
        const read = readSync(fd, bytes, done, bytes.length - done, stored.offset + done);
        if (read === 0) throw new RangeError(`${name} lies beyond the end of the weights`);
        done += read;
      }
    } finally {
      closeSync(fd);
    }
    return values;
  }

  /** Removes the file from disk. */
  remove(): void {
    rmSync(join(this.folder, TRAINING_WEIGHTS_FILE), { force: true });
  }
}

/** The forward pass over stored weights, none of which is trained. */
export function storedWeights(graph: StaticGraph, weights: TrainingWeights): ForwardWeights {
  return {
    whole: (name) => graph.weight(name),
    part: (layer, matrix, shape) => graph.weight(weights.part(layer, matrix, shape)),
  };
}

/** The head's rows, [vocabulary, hidden]: the embedding's where they are tied. */
export function storedHead(graph: StaticGraph, { config }: TrainingWeights): string {
  return graph.weight(config.tiedEmbedding ? WEIGHTS.embedding : WEIGHTS.head);
}
