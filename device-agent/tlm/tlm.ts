import { join } from 'node:path';
import { Tensor, type InferenceSession } from 'onnxruntime-node';
import type { BundleTlm } from '../../core/bundle-manifest.ts';
import { stretchScores, wordScores } from '../../core/compress-prompt.ts';
import { LEVELS } from '../../core/level.ts';
import { PROMPT_LEVELS } from '../../core/prompt-level.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { TLM_GRAPH, tlmInputs, type TlmConfig } from '../../core/tlm.ts';
import { firstLine, openSession } from '../engine/open-session.ts';

export interface TlmQuestion {
  readonly tokens: readonly number[];
  /** [tokens]: as of `CompressiblePrompt`; -1 = always kept. */
  readonly words: Int32Array;
  /** The SLO as ratios of the full model's latency; null = not bounded. */
  readonly ratios: { readonly ttft: number | null; readonly tpot: number | null };
}

export interface TlmAnswer {
  /** By word index: the larger, the more worth keeping. */
  readonly wordScores: Float32Array;
  /** [PROMPT_LEVELS] */
  readonly promptLogits: Float32Array;
  /** [LEVELS] */
  readonly levelLogits: Float32Array;
}

/** The tiny language model beside the engine, in a session of its own (core/tlm.ts). */
export class Tlm {
  readonly #session: InferenceSession;
  readonly #config: TlmConfig;

  constructor(session: InferenceSession, config: TlmConfig) {
    this.#session = session;
    this.#config = config;
  }

  /** Throws when the runtime does, or when the answer is not finite. */
  async ask({ tokens, words, ratios }: TlmQuestion): Promise<TlmAnswer> {
    const { rows, inputIds, roles, slo } = tlmInputs(this.#config, tokens, words, ratios);
    const dims = [rows, inputIds.length / rows];
    const outputs = await this.#session.run({
      [TLM_GRAPH.inputIds]: new Tensor('int64', inputIds, dims),
      [TLM_GRAPH.roles]: new Tensor('int64', roles, dims),
      [TLM_GRAPH.slo]: new Tensor('int64', slo, [slo.length]),
    });
    const read = (name: string, length: number): Float32Array => {
      const data = outputs[name]?.data;
      if (!(data instanceof Float32Array) || data.length !== length)
        throw new Error(`the TLM's graph did not return ${length} float32 ${name}`);
      return data;
    };
    const answer = {
      wordScores: stretchScores(wordScores({ tokens, words }, read(TLM_GRAPH.scores, inputIds.length))),
      promptLogits: read(TLM_GRAPH.promptLogits, PROMPT_LEVELS.length),
      levelLogits: read(TLM_GRAPH.levelLogits, LEVELS.length),
    };
    if (!Object.values(answer).every((values) => values.every(Number.isFinite)))
      throw new Error('the TLM computes values that are not finite');
    return answer;
  }

  async dispose(): Promise<void> {
    await this.#session.release();
  }
}

/**
 * Kernels this small are over before a second thread is awake, and the engine's threads still spin when the TLM
 * runs: on two cores 256 tokens took 10 ms with one thread and 39 ms with two, 2048 tokens 77 and 75 ms.
 */
const TLM_THREADS = 1;

/** Opens a bundle's TLM and runs it once on one row and on two. Failures: `graph-rejected`, `tlm-self-check`. */
export async function openTlm(
  bundleDir: string,
  { graph, config }: Pick<BundleTlm, 'graph' | 'config'>,
  vocabSize: number,
): Promise<Result<Tlm>> {
  const graphFile = join(bundleDir, graph);
  const session = await openSession(graphFile, TLM_THREADS);
  if (!session.ok) return session;
  const tlm = new Tlm(session.value, config);
  try {
    for (const count of [1, config.rowTokens + 1]) {
      const tokens = Array.from({ length: count }, (_, i) => i % vocabSize);
      await tlm.ask({ tokens, words: Int32Array.from(tokens.keys()), ratios: { ttft: 0.5, tpot: null } });
    }
    return ok(tlm);
  } catch (error) {
    await tlm.dispose();
    return fail(
      'tlm-self-check',
      `${graphFile} does not run: ${firstLine(error)}.`,
      'Push the bundle again; without it prompts are served whole.',
    );
  }
}
