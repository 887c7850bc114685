import type { BundleManifest } from '../../core/bundle-manifest.ts';
import type { Level } from '../../core/level.ts';
import type { Result } from '../../core/result.ts';
import type { GeneratedToken, GenerationEnd, GenerationRequest, TokenScore } from '../engine/generate.ts';
import type { SegmentForm } from '../engine/open-engine.ts';
import type { TokenBytes } from '../engine/token-bytes.ts';
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
}

export type WorkerReply =
  | { readonly kind: 'opened'; readonly result: Result<EngineOpened> }
  | { readonly kind: 'level'; readonly id: number; readonly from: Level; readonly switchMs: number }
  | { readonly kind: 'prompt-scores'; readonly id: number; readonly scores: readonly TokenScore[] }
  | { readonly kind: 'token'; readonly id: number; readonly token: GeneratedToken }
  | { readonly kind: 'done'; readonly id: number; readonly end: GenerationEnd }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string }
  | {
      readonly kind: 'level-lowered';
      readonly id: number;
      readonly result: Result<{ from: Level; switchMs: number }>;
    }
  /** Failure `tlm-run`. */
  | { readonly kind: 'tlm-answer'; readonly id: number; readonly result: Result<TlmAnswer> }
  | { readonly kind: 'closed' };
