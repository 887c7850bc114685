import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readWindowState, writeWindowState } from '../../electron/app/window-state.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bungee-window-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the window’s place', () => {
  const screen = { x: 0, y: 0, width: 1920, height: 1080 };
  test('is kept while it is on a screen, else the defaults hold', () => {
    const file = join(folder, 'deep', 'window.json');
    expect(readWindowState(file, [screen])).toEqual({ width: 1280, height: 800, maximized: false });
    writeWindowState(file, { x: 100, y: 50, width: 1000, height: 700 }, true);
    expect(readWindowState(file, [screen])).toEqual({
      x: 100,
      y: 50,
      width: 1000,
      height: 700,
      maximized: true,
    });
    expect(readWindowState(file, [{ ...screen, x: 5000 }])).toEqual({
      width: 1000,
      height: 700,
      maximized: true,
    });
  });
  test.each(['', 'null', '{"width":1e9}', '{"width":"x"}'])(
    'a damaged file (%j) gives the defaults',
    async (text) => {
      const file = join(folder, 'window.json');
      await writeFile(file, text);
      expect(readWindowState(file, [screen])).toEqual({ width: 1280, height: 800, maximized: false });
    },
  );
});
