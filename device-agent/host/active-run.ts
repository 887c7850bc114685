import type { Level } from '../../core/level.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { LevelSwitch } from '../engine/elastic-engine.ts';
import type { GeneratedToken, GenerationEnd, TokenScore } from '../engine/generate.ts';
import type { RunReply } from './worker-protocol.ts';

export interface RunHooks {
  readonly onLevel?: (from: Level, switchMs: number) => void;
  readonly onPromptScores?: (scores: readonly TokenScore[]) => void;
  readonly onToken?: (token: GeneratedToken) => void;
}

/** The request that the worker serves: hands its replies to whoever asked. */
export class ActiveRun {
  readonly id: number;
  readonly #hooks: RunHooks;
  readonly #settle: (result: Result<GenerationEnd>) => void;
  /** Wishes to lower the level that are not answered yet; the worker answers them in order. */
  #lowerings: ((result: Result<LevelSwitch>) => void)[] = [];

  constructor(id: number, hooks: RunHooks, settle: (result: Result<GenerationEnd>) => void) {
    this.id = id;
    this.#hooks = hooks;
    this.#settle = settle;
  }

  /** @param post sends the wish */
  lower(post: () => void): Promise<Result<LevelSwitch>> {
    return new Promise((resolve) => {
      this.#lowerings.push(resolve);
      post();
    });
  }

  answer(reply: RunReply): void {
    switch (reply.kind) {
      case 'level':
        return this.#hooks.onLevel?.(reply.from, reply.switchMs);
      case 'prompt-scores':
        return this.#hooks.onPromptScores?.(reply.scores);
      case 'token':
        return this.#hooks.onToken?.(reply.token);
      case 'done':
        return this.#settle(ok(reply.end));
      case 'failed':
        return this.#settle(fail('engine-run', `The engine failed: ${reply.message}.`));
      case 'level-lowered':
        return this.#lowerings.shift()?.(reply.result);
    }
  }

  /** Ends it for a reason that is none of its own. */
  fail(failure: Result<never>): void {
    this.#settle(failure);
    this.#endLowerings(failure);
  }

  /** To be called when it is settled: wishes to lower that came too late are not answered by the worker. */
  end(): void {
    this.#endLowerings(requestOver());
  }

  #endLowerings(result: Result<never>): void {
    const waiting = this.#lowerings;
    this.#lowerings = [];
    for (const settle of waiting) settle(result);
  }
}

export function requestOver(): Result<never> {
  return fail('request-over', 'No request is being served.');
}
