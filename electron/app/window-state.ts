import { readFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

const windowStateSchema = z.object({
  x: z.int().optional(),
  y: z.int().optional(),
  width: z.int().min(640).max(16_384).default(1280),
  height: z.int().min(480).max(16_384).default(800),
  maximized: z.boolean().default(false),
});
export type WindowState = z.infer<typeof windowStateSchema>;

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Where the window was; the defaults when that is unknown or on no screen any more. */
export function readWindowState(path: string, screens: readonly Rectangle[]): WindowState {
  let state: WindowState;
  try {
    state = windowStateSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    state = windowStateSchema.parse({});
  }
  const { x, y, width, height, maximized } = state;
  const isVisible =
    x !== undefined &&
    y !== undefined &&
    screens.some(
      (s) => x + 100 > s.x && x < s.x + s.width - 100 && y >= s.y - 10 && y < s.y + s.height - 100,
    );
  return isVisible ? state : { width, height, maximized };
}

/** Best effort: a window that opens elsewhere is no harm. */
export function writeWindowState(path: string, bounds: Rectangle, maximized: boolean): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, JSON.stringify({ ...bounds, maximized }));
  } catch {
    return;
  }
}
