import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { fail, ok, type Result } from '../../core/result.ts';
import { GraphBuilder } from './graph-builder.ts';

/** What measures and trains: ONNX Runtime on the CPU, or its CUDA provider. */
export type ComputeDevice = 'cpu' | 'cuda';
/** `auto`: CUDA where it loads, else the CPU. */
export const DEVICE_CHOICES = ['auto', 'cpu', 'cuda'] as const;
export type DeviceChoice = (typeof DEVICE_CHOICES)[number];

export interface ChosenDevice {
  readonly device: ComputeDevice;
  /** One line for people; null where there is nothing to tell. */
  readonly note: string | null;
}

/** npm's package holds the CPU's library only: docs/decisions/0002-install-without-scripts.md. */
const INSTALL = 'node node_modules/onnxruntime-node/script/install.js --onnxruntime-node-install=cuda12';

/** Where ONNX Runtime looks for the provider, beside its own library. */
export function cudaLibrary(onnxruntimeFolder: string): string {
  const folder = join(onnxruntimeFolder, 'bin', 'napi-v6', process.platform, process.arch);
  return join(folder, 'libonnxruntime_providers_cuda.so');
}

/**
 * The device that is asked for. Without the provider's library nothing is tried, since ONNX Runtime prints an error of
 * its own then. Failures, for `cuda` alone: `cuda-missing`, `cuda-unusable`.
 *
 * @param onnxruntimeFolder of onnxruntime-node's package
 * @param tryOut runs a product on CUDA; throws where it does not load
 */
export async function chooseDevice(
  choice: DeviceChoice,
  onnxruntimeFolder: string,
  tryOut: () => Promise<void> = tryCuda,
): Promise<Result<ChosenDevice>> {
  if (choice === 'cpu') return ok({ device: 'cpu', note: null });
  const file = cudaLibrary(onnxruntimeFolder);
  if (!existsSync(file))
    return choice === 'auto'
      ? ok({ device: 'cpu', note: null })
      : fail(
          'cuda-missing',
          `ONNX Runtime's CUDA provider is not installed (${file}).`,
          `On Linux x64 install it with \`${INSTALL}\`, or take --device cpu.`,
        );
  try {
    await tryOut();
    return ok({ device: 'cuda', note: 'Measuring and training on CUDA.' });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return choice === 'auto'
      ? ok({ device: 'cpu', note: `On the CPU: CUDA is installed, but does not load (${why}).` })
      : fail(
          'cuda-unusable',
          `ONNX Runtime's CUDA provider does not load: ${why}.`,
          'It needs an NVIDIA driver, and the CUDA and cuDNN that this ONNX Runtime was built for; or take --device cpu.',
        );
  }
}

async function tryCuda(): Promise<void> {
  const graph = GraphBuilder.create(new Map(), '');
  const [a, b] = [graph.input('a', 'float32', [1, 1]), graph.input('b', 'float32', [1, 1])];
  graph.node('MatMul', [a, b], ['product']);
  graph.output('product', 'float32', [1, 1]);
  const session = await InferenceSession.create(graph.encode('cuda-trial'), { executionProviders: ['cuda'] });
  try {
    const one = new Tensor('float32', [1], [1, 1]);
    await session.run({ a: one, b: one });
  } finally {
    await session.release();
  }
}
