import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseDevice, type CudaSearch } from '../../offline/graph/compute-device.ts';
import { OFFLINE_SESSION } from '../../offline/graph/model-feeds.ts';
import { f32Session } from '../../offline/graph/offline-session.ts';
import { TINY_CONFIG } from '../../offline/sources/tiny-model.ts';

let folder = '';
let library = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bungee-device-'));
  library = join(folder, 'cuda.so');
  writeFileSync(library, '');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const refuse = (): Promise<void> => Promise.reject(new Error('no driver'));
const search = (tryOut: CudaSearch['tryOut']): CudaSearch => ({ file: library, tryOut });
const absent = (): CudaSearch => ({ file: join(folder, 'absent.so'), tryOut: refuse });

describe('the device that measures and trains', () => {
  it('is the CPU where that is asked for, and nothing is tried', async () => {
    let tried = false;
    const tryOut = (): Promise<void> => {
      tried = true;
      return Promise.resolve();
    };
    expect(await chooseDevice('cpu', search(tryOut))).toEqual({
      ok: true,
      value: { device: 'cpu', note: null },
    });
    expect(tried).toBe(false);
  });

  it('is CUDA where it loads, and that is said', async () => {
    for (const choice of ['auto', 'cuda'] as const)
      expect(
        await chooseDevice(
          choice,
          search(() => Promise.resolve()),
        ),
      ).toMatchObject({
        ok: true,
        value: { device: 'cuda', note: expect.stringContaining('CUDA') },
      });
  });

  it('is the CPU without CUDA’s library: as a matter of course, or refused with how to install it', async () => {
    expect(await chooseDevice('auto', absent())).toEqual({ ok: true, value: { device: 'cpu', note: null } });
    expect(await chooseDevice('cuda', absent())).toMatchObject({
      ok: false,
      failure: { code: 'cuda-missing', remedy: expect.stringContaining('install.js') },
    });
  });

  it('falls back to the CPU aloud where the library does not load, but not where CUDA was asked for', async () => {
    const broken = search(refuse);
    expect(await chooseDevice('auto', broken)).toMatchObject({
      ok: true,
      value: { device: 'cpu', note: expect.stringContaining('no driver') },
    });
    expect(await chooseDevice('cuda', broken)).toMatchObject({
      ok: false,
      failure: { code: 'cuda-unusable', message: expect.stringContaining('no driver') },
    });
  });

  it('decides on the sessions: what CUDA has no kernel for stays on the CPU', () => {
    expect(f32Session(TINY_CONFIG, 'cuda').executionProviders).toEqual(['cuda', 'cpu']);
    expect(f32Session(TINY_CONFIG, 'cpu')).toBe(OFFLINE_SESSION);
  });
});
