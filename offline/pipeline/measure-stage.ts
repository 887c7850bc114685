import type { LayerRanges } from '../../core/recipe-blobs.ts';
import { CalibrationModel, type ActivationStatistics } from '../importance/calibration-model.ts';
import { measureImportance } from '../importance/measure-importance.ts';
import type { MeasureStage } from './stages.ts';

/** Importance by the criterion, and the sizes of activations by forward passes over the same text. */
export const measureStage: MeasureStage = async (model, options, onFraction, signal) => {
  const { criterion, scratch, device } = options;
  const { windows, eliminationWindows } = options.text;
  const calibration = await CalibrationModel.open(model, (fraction) => onFraction(0.1 * fraction), scratch);
  try {
    const statistics = await calibration.statistics(
      windows.map(({ ids }) => [...ids]),
      (fraction) => onFraction(0.1 + 0.15 * fraction),
    );
    const importance = await measureImportance(
      model,
      windows,
      { criterion, calibration, statistics, eliminationWindows, folder: scratch, device },
      (fraction) => onFraction(0.25 + 0.75 * fraction),
      signal,
    );
    return { importance, ranges: statistics.map(inputRanges) };
  } finally {
    await calibration.close();
  }
};

function inputRanges(statistics: ActivationStatistics[number]): LayerRanges {
  return {
    attentionIn: statistics['attention-in'].maxAbs,
    attentionOut: statistics['attention-out'].maxAbs,
    mlpIn: statistics['mlp-in'].maxAbs,
    mlpHidden: statistics['mlp-hidden'].maxAbs,
  };
}
