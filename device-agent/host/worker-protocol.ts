import type { BundleManifest } from '../../core/bundle-manifest.ts';
import type { Level } from '../../core/level.ts';
import type { Simulation } from '../../core/provider-proof.ts';
import type { Failure, Result } from '../../core/result.ts';
import type { ExecutionProvider } from '../../core/runtime-pack.ts';
import type { LevelSwitch } from '../engine/elastic-engine.ts';
import type { GeneratedToken, GenerationEnd, GenerationRequest, TokenScore } from '../engine/generate.ts';
import type { SegmentForm } from '../engine/open-engine.ts';
import type { TokenBytes } from '../engine/token-bytes.ts';
import type { ProofFindings } from '../proof/prove.ts';
import type { TlmAnswer, TlmQuestion } from '../tlm/tlm.ts';

/** Messages between the HTTP thread and the engine's worker thread; both are this program. */

export interface OpenCommand {
  readonly kind: 'open';
  readonly bundleDir: string;
  readonly manifest: BundleManifest;
  readonly threads: number;
  readonly segmentForm: SegmentForm | 'auto';
  /** Where verified hashes are remembered; null = do not verify (another session over a checked bundle). */
  readonly stampFile: string | null;
}

/** Try the library's execution providers; needs the engine to itself. */
export interface ProveCommand {
  readonly kind: 'prove';
  readonly id: number;
  readonly simulate: Simulation | null;
  /** API level of the phone's Android; null = not known. */
  readonly sdk: number | null;
  /** Where attempts that end the process are remembered; null = nowhere. */
  readonly attemptFile: string | null;
  readonly attemptKey: string;
  readonly cancelFlag: Int32Array;
}

export type WorkerCommand =
  | OpenCommand
  | {
      readonly kind: 'generate';
      readonly id: number;
      readonly request: GenerationRequest;
      readonly table: TokenBytes;
      /** Shared; non-zero = cancel. */
      readonly cancelFlag: Int32Array;
    }
  | { readonly kind: 'tlm'; readonly id: number; readonly question: TlmQuestion }
  | ProveCommand
  /** Prefill on this provider from now on; `cpu` = by the engine alone. Needs the engine to itself. */
  | { readonly kind: 'prefill-on'; readonly id: number; readonly provider: ExecutionProvider }
  | { readonly kind: 'lower-level'; readonly id: number; readonly level: Level }
  | { readonly kind: 'close' };

/** Whether the bundle's TLM can be asked; `why` it cannot, one line, where the bundle has one. */
export type TlmState = { readonly ready: true } | { readonly ready: false; readonly why: string | null };

export interface EngineOpened {
  readonly segmentForm: SegmentForm;
  readonly fallback: string | null;
  readonly loadMs: number;
  readonly hashedBytes: number;
  readonly tlm: TlmState;
  /** Execution providers of the ONNX Runtime library. */
  readonly library: readonly ExecutionProvider[];
}

/** About the run with this id. */
export type RunReply =
  | { readonly kind: 'level'; readonly id: number; readonly from: Level; readonly switchMs: number }
  | { readonly kind: 'prompt-scores'; readonly id: number; readonly scores: readonly TokenScore[] }
  | { readonly kind: 'token'; readonly id: number; readonly token: GeneratedToken }
  | { readonly kind: 'done'; readonly id: number; readonly end: GenerationEnd }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string }
  | { readonly kind: 'level-lowered'; readonly id: number; readonly result: Result<LevelSwitch> };

export type WorkerReply =
  | { readonly kind: 'opened'; readonly result: Result<EngineOpened> }
  | RunReply
  /** Failure `tlm-run`. */
  | { readonly kind: 'tlm-answer'; readonly id: number; readonly result: Result<TlmAnswer> }
  /** Failures `proof-run`, `request-cancelled`. */
  | { readonly kind: 'proved'; readonly id: number; readonly result: Result<ProofFindings> }
  /** Failures `provider-missing`, `static-graph-missing`, `graph-rejected`. */
  | { readonly kind: 'prefill-set'; readonly id: number; readonly result: Result<null> }
  /** Static prefill went wrong while serving; requests are prefilled by the engine. */
  | { readonly kind: 'prefill-lost'; readonly failure: Failure }
  | { readonly kind: 'closed' };
