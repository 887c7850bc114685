import type { Usage } from '../../core/agent-api.ts';
import type { Level } from '../../core/level.ts';
import type { Slo } from '../../core/slo.ts';
import type { ElasticReport } from '../../core/strategy.ts';
import type { GeneratedToken, GenerationEnd, TokenScore } from '../engine/generate.ts';
import type { SamplingOptions } from '../engine/sampling.ts';

/** A request as the orchestrator takes it: validated, tokenized, within the context. */
export interface AgentRequest {
  readonly id: string;
  readonly app: string | null;
  readonly slo: Slo | null;
  readonly requestedLevel: Level | null;
  /** Prompt level that the request asks for by number. */
  readonly requestedPromptLevel: number | null;
  readonly promptTokens: readonly number[];
  /** What of the prompt may be dropped, as of `CompressiblePrompt`; null = never anything of such a request. */
  readonly words: (() => Int32Array) | null;
  readonly maxTokens: number;
  readonly sampling: SamplingOptions;
  readonly stop: readonly string[];
  readonly logprobs: number | null;
  readonly scorePrompt: boolean;
  /** Monotonic ms; TTFT counts from here. */
  readonly arrivedAtMs: number;
  readonly signal: AbortSignal;
}

/** Where a request's output goes as it comes. */
export interface RequestSink {
  readonly onPromptScores?: (scores: readonly TokenScore[]) => void;
  readonly onToken?: (token: GeneratedToken) => void;
}

export interface Served {
  readonly end: GenerationEnd;
  readonly report: ElasticReport;
  readonly usage: Usage;
}
