import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Workplace } from './project.ts';

const reportSchema = z.object({
  model: z.string(),
  requests: z.object({ completed: z.int().positive(), failed: z.literal(0) }),
});

/** Loaded before the command: whatever leaves this computer fails as without a network. */
const NO_NETWORK = `
  const real = globalThis.fetch;
  globalThis.fetch = (input, init) => {
    const { hostname } = new URL(input instanceof Request ? input.url : input);
    return ['127.0.0.1', 'localhost'].includes(hostname) ? real(input, init) : Promise.reject(new TypeError('fetch failed'));
  };
`;

describe('npm start on a computer without network or cached weights', () => {
  let place: Workplace;
  beforeAll(async () => {
    // Without PATH there is neither adb nor the Python that would ask the package index.
    place = await Workplace.open({ withAdb: false });
    const cache = join(place.dir, 'empty-cache');
    mkdirSync(cache);
    place.environment['BUNGEE_CACHE'] = cache;
    place.environment['NODE_OPTIONS'] = `--import=data:text/javascript,${encodeURIComponent(NO_NETWORK)}`;
  });
  afterAll(() => place.close());

  it('serves with the built-in model and says so', { timeout: 240_000 }, async () => {
    const args = ['--headless', '--json', '--duration', '5', '--load', '60', '--seed', '3'];
    const { code, stdout, stderr } = await place.run('start', args);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('*** bungee-built-in-3m stands in for HuggingFaceTB/SmolLM2-135M-Instruct. ***');
    expect(stderr).toMatch(/Neither the hub nor the Python Package Index gave/);
    const report = reportSchema.parse(JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? ''));
    expect(report.model).toBe('bungee-built-in-3m');
  });
});
