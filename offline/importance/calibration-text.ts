import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { OWN_TEXT } from './own-text.ts';

/** Token windows for calibration and, from other parts of the same texts, for measuring quality. */
export interface TextWindows {
  readonly calibration: readonly (readonly number[])[];
  readonly heldOut: readonly (readonly number[])[];
  /** For the manifest. */
  readonly calibrationName: string;
  readonly heldOutName: string;
}

export interface WindowSizes {
  readonly windowTokens: number;
  /** Calibration windows of each domain (prose, instructions). */
  readonly calibrationWindows: number;
  readonly heldOutWindows: number;
}

const instructionSchema = z.object({ prompt: z.string(), response: z.string() });

/** Cuts windows out of a text, evenly spread over the given share of its characters. */
function cutWindows(
  tokenizer: Tokenizer,
  text: string,
  share: readonly [number, number],
  count: number,
  windowTokens: number,
): number[][] {
  // Enough characters for a window at up to 8 characters a token.
  const span = windowTokens * 8;
  const from = Math.floor(text.length * share[0]);
  const room = Math.max(0, Math.floor(text.length * share[1]) - from - span);
  const windows: number[][] = [];
  for (let i = 0; i < count; i++) {
    const start = from + Math.floor((room * i) / Math.max(1, count - 1 || 1));
    const ids = tokenizer.encode(text.slice(start, start + span)).ids.slice(0, windowTokens);
    if (ids.length > 1) windows.push(ids);
  }
  return windows;
}

function readInstructions(path: string): string | null {
  if (!existsSync(path)) return null;
  const parts: string[] = [];
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (line.trim() === '') continue;
    const parsed = instructionSchema.safeParse(JSON.parse(line));
    if (parsed.success) parts.push(`${parsed.data.prompt}${parsed.data.response}\n\n`);
  }
  return parts.join('');
}

/**
 * Text from `dataFolder` (WikiText-2 validation and instructions), else the few pages that come with Bungee.
 * Calibration takes the first half of the prose, held-out windows come from its last quarter.
 */
export function textWindows(
  tokenizer: Tokenizer,
  dataFolder: string | null,
  sizes: WindowSizes,
): TextWindows {
  const wikiPath = dataFolder === null ? null : join(dataFolder, 'wikitext-2', 'valid.txt');
  const { windowTokens, calibrationWindows, heldOutWindows } = sizes;
  if (dataFolder !== null && wikiPath !== null && existsSync(wikiPath)) {
    const prose = readFileSync(wikiPath, 'utf8');
    const instructions = readInstructions(join(dataFolder, 'instruct', 'dolly-hhrlhf-small.jsonl'));
    const calibration = cutWindows(tokenizer, prose, [0, 0.5], calibrationWindows, windowTokens);
    if (instructions !== null)
      calibration.push(...cutWindows(tokenizer, instructions, [0, 1], calibrationWindows, windowTokens));
    return {
      calibration,
      heldOut: cutWindows(tokenizer, prose, [0.75, 1], heldOutWindows, windowTokens),
      calibrationName:
        instructions === null
          ? 'WikiText-2 validation, first half'
          : 'WikiText-2 validation, first half, and instructions',
      heldOutName: 'WikiText-2 validation, last quarter',
    };
  }
  return {
    calibration: cutWindows(tokenizer, OWN_TEXT, [0, 0.7], calibrationWindows, windowTokens),
    heldOut: cutWindows(tokenizer, OWN_TEXT, [0.7, 1], Math.min(2, heldOutWindows), windowTokens),
    calibrationName: "Bungee's own text, first 70 %",
    heldOutName: "Bungee's own text, last 30 %",
  };
}
