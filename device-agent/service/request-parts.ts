import { randomInt, randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  REQUEST_ID_HEADER,
  requestIdSchema,
  type ChatRequest,
  type CompletionRequest,
} from '../../core/agent-api.ts';
import type { BundleManifest } from '../../core/bundle-manifest.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { Orchestrator } from '../orchestrator/orchestrator.ts';
import type { AgentRequest } from '../orchestrator/request.ts';

/** Answer length of a chat request that does not bound it: a phone should not ramble to the context's end. */
export const DEFAULT_CHAT_TOKENS = 512;
/** OpenAI's default for `/v1/completions`. */
export const DEFAULT_COMPLETION_TOKENS = 16;

type Body = ChatRequest | CompletionRequest;

export interface PromptAndLimit {
  readonly promptTokens: readonly number[];
  /** As asked for; null = `defaultTokens`, or what the context leaves. */
  readonly maxTokens: number | null;
  readonly defaultTokens: number;
  /** See `AgentRequest.words`. */
  readonly words: (() => Int32Array) | null;
}

/**
 * The request's id: the client's own, unless it is unfit or in use, else a new one; told in the response's
 * headers.
 */
export function requestId(
  prefix: 'chatcmpl' | 'cmpl',
  http: FastifyRequest,
  reply: FastifyReply,
  orchestrator: Pick<Orchestrator, 'isServing'>,
): string {
  const own = requestIdSchema.safeParse(http.headers[REQUEST_ID_HEADER]);
  const id =
    own.success && !orchestrator.isServing(own.data)
      ? own.data
      : `${prefix}-${randomUUID().replaceAll('-', '')}`;
  // On the raw response: a stream's headers do not pass through fastify.
  reply.raw.setHeader(REQUEST_ID_HEADER, id);
  return id;
}

/** Failure `model-unknown` unless the request names no model or the one that is served. */
export function checkModel(body: Body, manifest: BundleManifest): Result<null> {
  const { model } = body;
  if (model === null || model === undefined || model === manifest.name || model === manifest.bundleId)
    return ok(null);
  return fail(
    'model-unknown',
    `The model ${JSON.stringify(model)} is not served here.`,
    `Use ${JSON.stringify(manifest.name)}, or leave model out.`,
  );
}

/**
 * The part of a request that both routes share. Failures: `invalid-input` (empty prompt, token outside of
 * the vocabulary), `context-length`.
 */
export function buildRequest(
  body: Body,
  manifest: BundleManifest,
  id: string,
  prompt: PromptAndLimit,
  arrivedAtMs: number,
  signal: AbortSignal,
): Result<Omit<AgentRequest, 'logprobs' | 'scorePrompt'>> {
  const { contextLength, vocabSize } = manifest.model;
  const { promptTokens } = prompt;
  const foreign = promptTokens.find((token) => token >= vocabSize);
  if (foreign !== undefined)
    return fail('invalid-input', `Token ${foreign} is outside of the vocabulary (0 to ${vocabSize - 1}).`);
  if (promptTokens.length === 0) return fail('invalid-input', 'The prompt is empty.');
  const left = contextLength - promptTokens.length;
  const maxTokens = prompt.maxTokens ?? Math.max(1, Math.min(left, prompt.defaultTokens));
  if (maxTokens > left)
    return fail(
      'context-length',
      `This model's maximum context length is ${contextLength} tokens, but the request asks for ${
        promptTokens.length + maxTokens
      } (${promptTokens.length} in the prompt, ${maxTokens} for the completion).`,
      'Shorten the prompt or lower max_tokens.',
    );
  const stop = body.stop ?? [];
  return ok({
    id,
    app: body.elastic?.app ?? null,
    slo: body.slo ?? null,
    requestedLevel: body.elastic?.level ?? null,
    requestedPromptLevel: body.elastic?.prompt_level ?? null,
    promptTokens,
    words: prompt.words,
    maxTokens,
    sampling: {
      temperature: body.temperature ?? 1,
      topP: body.top_p ?? 1,
      seed: body.seed ?? randomInt(2 ** 31),
    },
    stop: typeof stop === 'string' ? [stop] : stop,
    arrivedAtMs,
    signal,
  });
}

/** OpenAI's word for how a generation ended. */
export function finishReason(reason: 'stop' | 'length' | 'cancelled'): 'stop' | 'length' {
  return reason === 'length' ? 'length' : 'stop';
}
