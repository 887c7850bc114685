import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Candidate } from '../../core/provider-proof.ts';
import { openAndroidRuntime, type AndroidRuntime, type FoundOnAndroid } from './android/android-runtime.ts';
import { makeTinyBundle, type TinyBundle } from './support/tiny-bundle.ts';

/**
 * The proof over the real Android ONNX Runtime and our binding: its NNAPI provider over a driver in software, its XNNPACK
 * provider as it is. It says nothing of any vendor's driver, nor of a phone's speed.
 */
const runtime: AndroidRuntime | null = await openAndroidRuntime();

describe.skipIf(runtime === null)('Android’s ONNX Runtime', () => {
  let bundle: TinyBundle;
  beforeAll(async () => {
    bundle = await makeTinyBundle('int8');
  });
  afterAll(() => {
    bundle.remove();
    runtime?.remove();
  });

  const prove = (driver: string, bundleDir?: string): Promise<FoundOnAndroid> => {
    if (runtime === null) throw new Error('skipped without it');
    return runtime.prove(bundleDir === undefined ? { driver } : { driver, bundleDir });
  };
  const of = ({ candidates }: FoundOnAndroid, provider: string): Candidate | undefined =>
    candidates.find((candidate) => candidate.provider === provider);

  test('the probe: NNAPI takes all of it as one partition and is right, XNNPACK takes products and softmax', async () => {
    const found = await prove('computes');
    expect(found.library).toEqual(['cpu', 'xnnpack', 'nnapi']);
    const nnapi = of(found, 'nnapi');
    expect(nnapi).toMatchObject({ verdict: 'works', placement: { share: 1, partitions: 1 } });
    expect(nnapi?.placement?.ran.map(({ provider }) => provider)).toEqual(['NnapiExecutionProvider']);
    expect(nnapi?.numerics?.rmsRel).toBeLessThan(1e-5);
    const xnnpack = of(found, 'xnnpack');
    expect(xnnpack).toMatchObject({ verdict: 'works', placement: { nodesOnProvider: 9, partitions: 9 } });
    expect(xnnpack?.numerics?.rmsRel).toBeLessThan(1e-5);
  });

  test('a driver that takes nothing is refused, because NNAPI’s own CPU device is kept out', async () => {
    const nnapi = of(await prove('declines'), 'nnapi');
    expect(nnapi).toMatchObject({ verdict: 'refused', placement: null, speed: null });
    expect(nnapi?.reason).toContain('software-npu');
  });

  test('a driver that computes something else is found out', async () => {
    const nnapi = of(await prove('wrong'), 'nnapi');
    expect(nnapi).toMatchObject({ verdict: 'wrong-numerics', placement: { share: 1 }, speed: null });
  });

  test('a bundle’s static prefill runs through NNAPI and XNNPACK into the KV cache that the engine decodes from', async () => {
    const found = await prove('computes', bundle.dir);
    const nnapi = of(found, 'nnapi');
    expect(nnapi).toMatchObject({ placement: { share: 1, partitions: 1 }, numerics: { within: true } });
    expect(nnapi?.numerics?.rmsRel).toBeLessThan(1e-4);
    expect(nnapi?.speed?.prefill.map(({ tokens }) => tokens)).toEqual([128, 256]);
    // Its provider ends the process at a product without a bias.
    const xnnpack = of(found, 'xnnpack');
    expect(xnnpack?.numerics?.rmsRel).toBeLessThan(1e-4);
    expect(xnnpack?.placement?.nodesOnProvider).toBeGreaterThan(10);
  });

  test('a bundle’s static prefill on a driver that is wrong is never timed', async () => {
    expect(of(await prove('wrong', bundle.dir), 'nnapi')).toMatchObject({
      verdict: 'wrong-numerics',
      speed: null,
    });
  });
});
