import type { ModelConfig } from './model-config.ts';
import { fail, ok, type Result } from './result.ts';

/** Order of a layer's units: position in the bundle -> index in the model. */
export interface LayerOrder {
  readonly neurons: readonly number[];
  readonly kvGroups: readonly number[];
}

/** Largest absolute value of every channel that a layer's groups of products read. */
export interface LayerRanges {
  readonly attentionIn: Float32Array;
  readonly attentionOut: Float32Array;
  readonly mlpIn: Float32Array;
  readonly mlpHidden: Float32Array;
}

const REMEDY = 'Fetch the recipe again, or make it with `npm run elasticize -- --recipe-out`.';

/** Channels of each range, in the order of the blob. */
function rangeWidths(config: ModelConfig): readonly (readonly [keyof LayerRanges, number])[] {
  return [
    ['attentionIn', config.hiddenSize],
    ['attentionOut', config.heads * config.headDim],
    ['mlpIn', config.hiddenSize],
    ['mlpHidden', config.ffnSize],
  ];
}

/** Orders as uint16, little-endian: per layer neurons, then KV groups. */
export function encodeOrders(config: ModelConfig, orders: readonly LayerOrder[]): Uint8Array<ArrayBuffer> {
  if (Math.max(config.ffnSize, config.kvHeads) > 0x10000)
    throw new RangeError(`${config.ffnSize} units do not fit uint16`);
  const units = orders.flatMap(({ neurons, kvGroups }) => [...neurons, ...kvGroups]);
  const view = new DataView(new ArrayBuffer(units.length * 2));
  for (const [i, unit] of units.entries()) view.setUint16(i * 2, unit, true);
  return new Uint8Array(view.buffer);
}

/** Failure `recipe-corrupt`: wrong size, or a layer whose order is no permutation. */
export function decodeOrders(config: ModelConfig, bytes: Uint8Array, where: string): Result<LayerOrder[]> {
  const perLayer = config.ffnSize + config.kvHeads;
  const expected = config.layers * perLayer * 2;
  if (bytes.length !== expected)
    return fail('recipe-corrupt', `${where} has ${bytes.length} bytes in place of ${expected}.`, REMEDY);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const orders: LayerOrder[] = [];
  for (let layer = 0; layer < config.layers; layer++) {
    const read = (from: number, length: number): number[] =>
      Array.from({ length }, (_, i) => view.getUint16((layer * perLayer + from + i) * 2, true));
    const order = { neurons: read(0, config.ffnSize), kvGroups: read(config.ffnSize, config.kvHeads) };
    for (const [kind, units] of Object.entries(order))
      if (new Set(units).size !== units.length || units.some((unit) => unit >= units.length))
        return fail(
          'recipe-corrupt',
          `${where}: the ${kind} of layer ${layer} are not each named once.`,
          REMEDY,
        );
    orders.push(order);
  }
  return ok(orders);
}

/** Ranges as float32, little-endian, in the order of {@link LayerRanges}, layer by layer. */
export function encodeRanges(ranges: readonly LayerRanges[]): Uint8Array<ArrayBuffer> {
  const values = ranges.flatMap((layer) => [
    ...layer.attentionIn,
    ...layer.attentionOut,
    ...layer.mlpIn,
    ...layer.mlpHidden,
  ]);
  const view = new DataView(new ArrayBuffer(values.length * 4));
  for (const [i, value] of values.entries()) view.setFloat32(i * 4, value, true);
  return new Uint8Array(view.buffer);
}

/** Failure `recipe-corrupt`: wrong size, or a range that is negative or no number. */
export function decodeRanges(config: ModelConfig, bytes: Uint8Array, where: string): Result<LayerRanges[]> {
  const widths = rangeWidths(config);
  const perLayer = widths.reduce((sum, [, width]) => sum + width, 0);
  const expected = config.layers * perLayer * 4;
  if (bytes.length !== expected)
    return fail('recipe-corrupt', `${where} has ${bytes.length} bytes in place of ${expected}.`, REMEDY);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const read = (width: number): Float32Array =>
    Float32Array.from({ length: width }, () => view.getFloat32(4 * at++, true));
  const ranges: LayerRanges[] = [];
  for (let layer = 0; layer < config.layers; layer++) {
    const entries = widths.map(([kind, width]) => [kind, read(width)] as const);
    for (const [kind, values] of entries)
      if (!values.every((value) => value >= 0 && Number.isFinite(value)))
        return fail('recipe-corrupt', `${where}: ${kind} of layer ${layer} holds what is no range.`, REMEDY);
    ranges.push(Object.fromEntries(entries) as Record<keyof LayerRanges, Float32Array>);
  }
  return ok(ranges);
}
