import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { environmentSchema } from '../../core/run-record.ts';
import { arm64Pack } from './arm64-pack.ts';
import { tinyBundle, Workplace } from './project.ts';

const reportSchema = z.object({
  device: z.object({ kind: z.literal('virtual'), model: z.string() }),
  requests: z.object({ completed: z.int().positive(), failed: z.literal(0) }),
  environment: environmentSchema,
});

/** The agent as a phone gets it, on an emulated processor: pack, push, start, proof, profile, serve. */
describe.runIf((await arm64Pack()) !== null)('npm start -- --headless --arch arm64', () => {
  let place: Workplace;
  let bundle: string;
  beforeAll(async () => {
    place = await Workplace.open({ withAdb: true });
    bundle = await tinyBundle(join(place.dir, 'bundle'));
  });
  afterAll(() => place.close());

  it('serves requests by Node and ONNX Runtime for arm64, and says where', { timeout: 240_000 }, async () => {
    const args = ['--headless', '--json', '--arch', 'arm64', '--bundle', bundle, '--duration', '8'];
    const { code, stdout, stderr } = await place.run('start', [...args, '--load', '60', '--seed', '3']);
    expect(code, stderr).toBe(0);
    const { environment, device } = reportSchema.parse(JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? ''));
    const emulated = process.arch !== 'arm64';
    expect(environment).toMatchObject({
      phone: 'virtual',
      emulated,
      agentPlatform: 'linux-arm64',
      runtimePack: { name: 'glibc-arm64' },
    });
    expect(environment.description.startsWith('emulated arm64 (qemu) on this CPU')).toBe(emulated);
    expect(device.model.includes('emulated arm64')).toBe(emulated);
    expect(environment.agentNode).not.toBe(process.versions.node);
  });
});
