import { selectionWindows } from '../datasets/measuring-windows.ts';
import { recoveryStream, type TrainingStream } from '../datasets/recovery-stream.ts';
import { ok, type Result } from '../../core/result.ts';
import type { SourceModel } from '../sources/source-model.ts';
import type { RecoveryText } from './teacher.ts';

/** Tokens of a training window. */
const WINDOW_TOKENS = 256;
const HELD_OUT_PER_DOMAIN = 2;

export interface RecoveryTextOptions {
  readonly model: SourceModel;
  /** null: the project's own pages. */
  readonly dataFolder: string | null;
  readonly seed: number;
}

export interface OpenRecoveryText {
  readonly text: RecoveryText;
  readonly files: TrainingStream['files'];
}

/** Opens what levels learn from and are judged by. Failures: those of the data sets. */
export function openRecoveryText({ model, dataFolder, seed }: RecoveryTextOptions): Result<OpenRecoveryText> {
  const windowTokens = Math.min(WINDOW_TOKENS, model.config.contextLength);
  const stream = recoveryStream(model.tokenizer, dataFolder, { windowTokens, seed });
  if (!stream.ok) return stream;
  const selection = selectionWindows(model.tokenizer, dataFolder, {
    windowTokens,
    windowsPerDomain: HELD_OUT_PER_DOMAIN,
  });
  if (!selection.ok) return selection;
  const heldOut = selection.value.flatMap(({ windows }) => windows);
  return ok({ text: { windowTokens, stream: stream.value, heldOut }, files: stream.value.files });
}
