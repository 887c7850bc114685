import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseDevice, cudaLibrary } from '../../offline/graph/compute-device.ts';
import { OFFLINE_SESSION } from '../../offline/graph/model-feeds.ts';
import { f32Session } from '../../offline/graph/offline-session.ts';
import { TINY_CONFIG } from '../../offline/sources/tiny-model.ts';

let folder = '';
let installed = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bungee-device-'));
  installed = join(folder, 'with-cuda');
  mkdirSync(dirname(cudaLibrary(installed)), { recursive: true });
  writeFileSync(cudaLibrary(installed), '');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const refuse = (): Promise<void> => Promise.reject(new Error('no driver'));

describe('the device that measures and trains', () => {
  it('is the CPU where that is asked for, and nothing is tried', async () => {
    let tried = false;
    const tryOut = (): Promise<void> => {
      tried = true;
      return Promise.resolve();
    };
    expect(await chooseDevice('cpu', installed, tryOut)).toEqual({
      ok: true,
      value: { device: 'cpu', note: null },
    });
    expect(tried).toBe(false);
  });

  it('is CUDA where it loads, and that is said', async () => {
    for (const choice of ['auto', 'cuda'] as const)
      expect(await chooseDevice(choice, installed, () => Promise.resolve())).toMatchObject({
        ok: true,
        value: { device: 'cuda', note: expect.stringContaining('CUDA') },
      });
  });

  it('is the CPU without CUDA’s library: as a matter of course, or refused with how to install it', async () => {
    expect(await chooseDevice('auto', folder, refuse)).toEqual({
      ok: true,
      value: { device: 'cpu', note: null },
    });
    expect(await chooseDevice('cuda', folder, refuse)).toMatchObject({
      ok: false,
      failure: { code: 'cuda-missing', remedy: expect.stringContaining('install.js') },
    });
  });

  it('falls back to the CPU aloud where the library does not load, but not where CUDA was asked for', async () => {
    expect(await chooseDevice('auto', installed, refuse)).toMatchObject({
      ok: true,
      value: { device: 'cpu', note: expect.stringContaining('no driver') },
    });
    expect(await chooseDevice('cuda', installed, refuse)).toMatchObject({
      ok: false,
      failure: { code: 'cuda-unusable', message: expect.stringContaining('no driver') },
    });
  });

  it('decides on the sessions: what CUDA has no kernel for stays on the CPU', () => {
    expect(f32Session(TINY_CONFIG, 'cuda').executionProviders).toEqual(['cuda', 'cpu']);
    expect(f32Session(TINY_CONFIG, 'cpu')).toBe(OFFLINE_SESSION);
  });
});
