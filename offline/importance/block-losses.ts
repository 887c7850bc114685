import { fullMask, type CalibrationModel, type LayerMask } from './calibration-model.ts';
import { logSoftmaxRows, meanDivergence } from './divergence.ts';

/** Tokens of a probe and how many of its last positions are compared. */
const PROBE_TOKENS = 96;
const PROBE_POSITIONS = 40;

/** What the model loses without a layer's MLP, its attention, and both. */
export interface BlockLosses {
  readonly mlp: number;
  readonly attention: number;
  readonly layer: number;
}

type Block = keyof BlockLosses;

const OFF: Readonly<Record<Block, readonly (keyof LayerMask)[]>> = {
  mlp: ['neurons'],
  attention: ['attention'],
  layer: ['neurons', 'attention'],
};

/**
 * Leaves out each layer's MLP, its attention and both in turn: mean divergence (nats) of the model's predictions
 * from the whole model's on a probe text.
 *
 * @param onProgress 0..1; may throw to cancel.
 */
export async function blockLosses(
  calibration: CalibrationModel,
  text: readonly number[],
  onProgress: (fraction: number) => void,
): Promise<BlockLosses[]> {
  const { layers, vocabSize } = calibration.config;
  const probe = text.slice(0, PROBE_TOKENS);
  const from = Math.max(0, probe.length - PROBE_POSITIONS);
  const whole = logSoftmaxRows(await calibration.logits(probe, from, new Map()), vocabSize);
  const lossWithout = async (layer: number, block: Block): Promise<number> => {
    const mask = fullMask(calibration.config);
    for (const part of OFF[block]) mask[part].fill(0);
    const logits = await calibration.logits(probe, from, new Map([[layer, mask]]));
    return meanDivergence(whole, logSoftmaxRows(logits, vocabSize), vocabSize);
  };
  const losses: BlockLosses[] = [];
  for (let layer = 0; layer < layers; layer++) {
    losses.push({
      mlp: await lossWithout(layer, 'mlp'),
      attention: await lossWithout(layer, 'attention'),
      layer: await lossWithout(layer, 'layer'),
    });
    onProgress((layer + 1) / layers);
  }
  return losses;
}

/** Means over several probe texts. */
export function meanLosses(probes: readonly (readonly BlockLosses[])[]): BlockLosses[] {
  const mean = (layer: number, block: Block): number =>
    probes.reduce((sum, losses) => sum + (losses[layer]?.[block] ?? 0), 0) / probes.length;
  return (probes[0] ?? []).map((_, layer) => ({
    mlp: mean(layer, 'mlp'),
    attention: mean(layer, 'attention'),
    layer: mean(layer, 'layer'),
  }));
}
