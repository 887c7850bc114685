import { z } from 'zod';

/**
 * A level names a nested sub-model by the per cent of decoder (transformer body) parameters it keeps;
 * embedding and head are never cut. Paper §3.2: 20 % ... 100 % in steps of 10.
 */
export const LEVELS = [20, 30, 40, 50, 60, 70, 80, 90, 100] as const;
export type Level = (typeof LEVELS)[number];

export const FULL_LEVEL: Level = 100;

export function isLevel(value: unknown): value is Level {
  return LEVELS.some((level) => level === value);
}

export const levelSchema = z.custom<Level>(isLevel, {
  message: `unknown level; levels are ${LEVELS.join(', ')}`,
});
