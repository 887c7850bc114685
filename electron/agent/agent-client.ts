import type { z } from 'zod';
import {
  type ChatMessage,
  chatChunkSchema,
  type Health,
  healthSchema,
  type ProfileRequest,
  REQUEST_ID_HEADER,
  type Usage,
} from '../../core/agent-api.ts';
import { type AgentEvent, agentEventSchema } from '../../core/agent-event.ts';
import { type LatencyProfile, latencyProfileSchema } from '../../core/latency-profile.ts';
import type { Level } from '../../core/level.ts';
import {
  type ProofRequestInput,
  type ProviderProof,
  providerProofSchema,
} from '../../core/provider-proof.ts';
import { parseJsonWith } from '../../core/parse.ts';
import { fail, ok, type Failure, type Result } from '../../core/result.ts';
import type { Slo } from '../../core/slo.ts';
import type { ElasticReport } from '../../core/strategy.ts';
import {
  type HttpCall,
  type HttpTarget,
  openRequest,
  readText,
  refusal,
  requestFailure,
} from './http-request.ts';
import { SseParser } from './sse-parser.ts';

export interface ChatCall {
  readonly messages: readonly ChatMessage[];
  readonly maxTokens: number;
  readonly app: string | null;
  readonly slo: Slo | null;
  readonly requestId: string;
  readonly seed?: number;
}

export interface ChatAnswer {
  /** The agent's name for the request; ours unless it made one up. */
  readonly id: string;
  readonly text: string;
  readonly finishReason: string | null;
  readonly usage: Usage | null;
  readonly elastic: ElasticReport | null;
}

/** The agent's interface, typed. Failures: those of `openRequest`, `refusal`, and `invalid-input` for bad answers. */
export class AgentClient {
  readonly #target: HttpTarget;

  constructor(target: HttpTarget) {
    this.#target = target;
  }

  get port(): number {
    return this.#target.port;
  }

  /** What another client needs to reach the agent: the local end of the forward and its bearer token. */
  get endpoint(): { readonly baseUrl: string; readonly token: string } {
    return { baseUrl: `http://127.0.0.1:${this.#target.port}`, token: this.#target.token };
  }

  /** Ends the connections that are kept open. */
  close(): void {
    this.#target.connections.destroy();
  }

  health(signal?: AbortSignal): Promise<Result<Health>> {
    return this.#json(healthSchema, { method: 'GET', path: '/health', signal, idleTimeoutMs: 5000 });
  }

  /** The stored profile, null when there is none. */
  async profile(signal?: AbortSignal): Promise<Result<LatencyProfile | null>> {
    const answer = await this.#text({ method: 'GET', path: '/profile', signal });
    if (!answer.ok) return answer;
    if (answer.value.status === 404) return ok(null);
    return this.#parse(latencyProfileSchema, answer.value, '/profile');
  }

  /** Measures a profile; progress comes as `profile-progress` events. Ends when aborted. */
  measureProfile(body: ProfileRequest, signal?: AbortSignal): Promise<Result<LatencyProfile>> {
    return this.#json(latencyProfileSchema, {
      method: 'POST',
      path: '/profile',
      body,
      signal,
      idleTimeoutMs: null,
    });
  }

  /** The proof of the phone's execution providers, made now where the stored one does not hold. */
  prove(body: ProofRequestInput, signal?: AbortSignal): Promise<Result<ProviderProof>> {
    return this.#json(providerProofSchema, {
      method: 'POST',
      path: '/proof',
      body,
      signal,
      idleTimeoutMs: null,
    });
  }

  async pinLevel(level: Level | null): Promise<Result<null>> {
    const answer = await this.#text({ method: 'POST', path: '/level', body: { level } });
    if (!answer.ok) return answer;
    return answer.value.status === 200
      ? ok(null)
      : { ok: false, failure: refusal(answer.value.status, answer.value.text) };
  }

  /** A streamed chat completion to its end. Failure `agent-failed` when it broke off after it had started. */
  async chat(
    call: ChatCall,
    signal?: AbortSignal,
    onText?: (text: string) => void,
  ): Promise<Result<ChatAnswer>> {
    const body = {
      messages: call.messages,
      max_tokens: call.maxTokens,
      stream: true,
      stream_options: { include_usage: true },
      temperature: 0,
      ...(call.seed === undefined ? {} : { seed: call.seed }),
      ...(call.slo === null ? {} : { slo: call.slo }),
      ...(call.app === null ? {} : { elastic: { app: call.app } }),
    };
    const headers = { [REQUEST_ID_HEADER]: call.requestId };
    let answer: ChatAnswer = { id: call.requestId, text: '', finishReason: null, usage: null, elastic: null };
    let failure: Failure | null = null;
    const streamed = await this.#stream(
      { method: 'POST', path: '/v1/chat/completions', body, headers, signal, idleTimeoutMs: null },
      ({ data }) => {
        if (data === '[DONE]') return;
        const chunk = parseJsonWith(chatChunkSchema, data, 'A chunk of the agent’s answer');
        if (!chunk.ok) return void (failure ??= chunk.failure);
        const { id, choices, usage, elastic, error } = chunk.value;
        if (error !== undefined && error !== null)
          failure ??= { code: 'agent-failed', message: error.message };
        const text = choices[0]?.delta.content ?? '';
        if (text !== '') onText?.(text);
        answer = {
          id,
          text: answer.text + text,
          finishReason: choices[0]?.finish_reason ?? answer.finishReason,
          usage: usage ?? answer.usage,
          elastic: elastic ?? answer.elastic,
        };
      },
    );
    if (!streamed.ok) return streamed;
    if (failure !== null) return { ok: false, failure };
    return answer.finishReason === null
      ? fail('agent-failed', 'The agent’s answer broke off before its end.', 'Look at its log.')
      : ok(answer);
  }

  /**
   * Follows `/events` until aborted or cut; resumes after `lastSeq` from what the agent keeps (-1 = all of
   * it, null = from now on). Always ends with a failure.
   */
  async events(
    lastSeq: number | null,
    onEvent: (event: AgentEvent) => void,
    onOpen: () => void,
    signal: AbortSignal,
  ): Promise<Failure> {
    const headers: Record<string, string> =
      lastSeq === null
        ? { accept: 'text/event-stream' }
        : { accept: 'text/event-stream', 'last-event-id': String(lastSeq) };
    // The agent says something every 10 s at least.
    const call: HttpCall = { method: 'GET', path: '/events', headers, signal, idleTimeoutMs: 30_000 };
    const ended = await this.#stream(
      call,
      ({ data }) => {
        const event = parseJsonWith(agentEventSchema, data, 'An event of the agent');
        if (event.ok) onEvent(event.value);
      },
      onOpen,
    );
    return ended.ok
      ? { code: 'agent-unreachable', message: 'The agent ended its event stream.' }
      : ended.failure;
  }

  async #stream(
    call: HttpCall,
    onEvent: (event: { id: string | null; data: string }) => void,
    onOpen: () => void = () => undefined,
  ): Promise<Result<null>> {
    const opened = await openRequest(this.#target, call);
    if (!opened.ok) return opened;
    const response = opened.value;
    try {
      if (response.statusCode !== 200)
        return { ok: false, failure: refusal(response.statusCode ?? 0, await readText(response)) };
      onOpen();
      response.setEncoding('utf8');
      const parser = new SseParser();
      for await (const chunk of response) parser.push(chunk as string).forEach(onEvent);
      return ok(null);
    } catch (error) {
      return requestFailure(error, call.signal);
    }
  }

  async #text(call: HttpCall): Promise<Result<{ status: number; text: string }>> {
    const opened = await openRequest(this.#target, call);
    if (!opened.ok) return opened;
    try {
      return ok({ status: opened.value.statusCode ?? 0, text: await readText(opened.value) });
    } catch (error) {
      return requestFailure(error, call.signal);
    }
  }

  async #json<T>(schema: z.ZodType<T>, call: HttpCall): Promise<Result<T>> {
    const answer = await this.#text(call);
    return answer.ok ? this.#parse(schema, answer.value, call.path) : answer;
  }

  #parse<T>(schema: z.ZodType<T>, answer: { status: number; text: string }, path: string): Result<T> {
    if (answer.status !== 200) return { ok: false, failure: refusal(answer.status, answer.text) };
    return parseJsonWith(schema, answer.text, `The agent’s answer to ${path}`);
  }
}
