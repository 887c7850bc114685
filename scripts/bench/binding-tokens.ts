import { join } from 'node:path';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { unwrap } from '../../core/result.ts';
import { ElasticEngine, readManifest } from '../../device-agent/index.ts';
import { loadAdapters } from '../../device-agent/engine/load-adapters.ts';
import { modelOfManifest } from '../../device-agent/engine/engine-model.ts';
import type { BindingContenders } from './binding-contenders.ts';

const PROMPT_TOKENS = 64;

/** The engine over one binding, used in one way. */
export interface Decoder {
  readonly name: string;
  readonly engine: ElasticEngine;
}

/** The session, but what the engine gives it to write in is not handed on: every run makes its outputs anew. */
function makingOutputs(session: InferenceSession): InferenceSession {
  const run = (feeds: Record<string, Tensor>): Promise<object> => session.run(feeds);
  return new Proxy(session, {
    get: (target, name) => (name === 'run' ? run : (Reflect.get(target, name, target) as unknown)),
  });
}

/** The bundle's engine over npm's binding; over ours, where it decodes into the outputs of the token before; over ours without that. */
export async function openDecoders(
  bundleDir: string,
  { stock, ours }: Pick<BindingContenders, 'stock' | 'ours'>,
  threads: number,
): Promise<Decoder[]> {
  const manifest = unwrap(await readManifest(bundleDir));
  const adapters = unwrap(await loadAdapters(bundleDir, manifest));
  const model = modelOfManifest(manifest);
  const open = ({ ort }: BindingContenders['stock']): Promise<InferenceSession> =>
    ort.InferenceSession.create(join(bundleDir, manifest.graph.zeroRow), {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 4,
    });
  const engine = (session: InferenceSession): ElasticEngine => new ElasticEngine(session, model, adapters);
  return [
    { name: 'npm', engine: engine(await open(stock)) },
    { name: 'Bungee', engine: engine(await open(ours)) },
    { name: 'Bungee, outputs new', engine: engine(makingOutputs(await open(ours))) },
  ];
}

/** Milliseconds of each of `count` tokens behind a short prompt. */
export async function decodeTokens({ engine }: Decoder, count: number): Promise<number[]> {
  const { vocabSize } = engine.model.config;
  const prompt = Array.from({ length: PROMPT_TOKENS }, (_, i) => (i * 37 + 11) % vocabSize);
  const sequence = engine.open(PROMPT_TOKENS, count + 1);
  await engine.prefill(sequence, prompt);
  const ms: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedAt = performance.now();
    await engine.step(sequence, (i * 53 + 7) % vocabSize);
    ms.push(performance.now() - startedAt);
  }
  engine.close(sequence);
  return ms;
}
