import { quantizeBlocks4, quantizeBlocks8, BLOCK_SIZE, type BlockWise } from '../quantize/block-wise.ts';
import { quantizePerChannel } from '../quantize/per-channel.ts';
import type { GraphBuilder } from './graph-builder.ts';
import type { WeightsFile } from './weights-file.ts';

/** How a matrix product is stored and computed. */
export type LinearForm = 'f32' | 'int8' | 'block8' | 'block4';

/** A stored matrix product y = x W^T. */
export interface Linear {
  readonly name: string;
  readonly form: LinearForm;
  readonly inFeatures: number;
  readonly outFeatures: number;
}

/** accuracy_level 4: MatMulNBits quantizes activations to int8, block by block. */
const INT8_ACTIVATIONS = 4;

function storeBlocks(
  file: WeightsFile,
  name: string,
  outFeatures: number,
  bits: number,
  blocks: BlockWise,
): void {
  const blocksPerRow = blocks.scales.length / outFeatures;
  file.add(name, 'uint8', [outFeatures, blocksPerRow, (BLOCK_SIZE * bits) / 8], blocks.values);
  file.add(`${name}.scale`, 'float32', [blocks.scales.length], blocks.scales);
  if (blocks.zeroPoints !== null)
    file.add(`${name}.zero`, 'uint8', [blocks.zeroPoints.length], blocks.zeroPoints);
}

/** Quantizes `weights` [out, in] to the form and appends them to the file. */
export function storeLinear(
  file: WeightsFile,
  name: string,
  form: LinearForm,
  weights: Float32Array,
  outFeatures: number,
): Linear {
  const inFeatures = weights.length / outFeatures;
  switch (form) {
    case 'f32':
      file.add(name, 'float32', [outFeatures, inFeatures], weights);
      break;
    case 'int8': {
      const { values, scales } = quantizePerChannel(weights, outFeatures);
      file.add(name, 'int8', [inFeatures, outFeatures], values);
      file.add(`${name}.scale`, 'float32', [outFeatures], scales);
      break;
    }
    case 'block8':
      storeBlocks(file, name, outFeatures, 8, quantizeBlocks8(weights, outFeatures));
      break;
    case 'block4':
      storeBlocks(file, name, outFeatures, 4, quantizeBlocks4(weights, outFeatures));
      break;
  }
  return { name, form, inFeatures, outFeatures };
}

/** The rows that a product reads: as they are, or quantized to uint8 once for all products that share them. */
export interface LinearInput {
  readonly rows: string;
  readonly scale?: string;
  readonly zero?: string;
}

/** Prepares a float32 value as the input of products of one form. */
export function linearInput(graph: GraphBuilder, form: LinearForm, value: string): LinearInput {
  if (form !== 'int8') return { rows: value };
  const rows = `${value}.q`;
  const scale = `${value}.q_scale`;
  const zero = `${value}.q_zero`;
  graph.node('DynamicQuantizeLinear', [value], [rows, scale, zero]);
  return { rows, scale, zero };
}

/** Adds the product; returns its float32 output's name. */
export function emitLinear(graph: GraphBuilder, linear: Linear, input: LinearInput, output: string): string {
  const weight = graph.weight(linear.name);
  switch (linear.form) {
    case 'f32':
      return graph.node('FusedMatMul', [input.rows, weight], [output], { transB: 1 });
    case 'int8':
      return graph.node(
        'MatMulIntegerToFloat',
        [input.rows, weight, input.scale ?? '', graph.weight(`${linear.name}.scale`), input.zero ?? ''],
        [output],
      );
    case 'block8':
    case 'block4': {
      const inputs = [input.rows, weight, graph.weight(`${linear.name}.scale`)];
      if (linear.form === 'block4') inputs.push(graph.weight(`${linear.name}.zero`));
      return graph.node('MatMulNBits', inputs, [output], {
        K: linear.inFeatures,
        N: linear.outFeatures,
        bits: linear.form === 'block8' ? 8 : 4,
        block_size: BLOCK_SIZE,
        accuracy_level: INT8_ACTIVATIONS,
      });
    }
  }
}
