import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { completionRequestSchema, type CompletionRequest } from '../../core/agent-api.ts';
import type { BundleManifest } from '../../core/bundle-manifest.ts';
import { ok, type Result } from '../../core/result.ts';
import type { PromptEncoder } from '../host/prompt-encoder.ts';
import type { AgentRequest, Served } from '../orchestrator/request.ts';
import { errorBody, parseBody, sendFailure } from './api-error.ts';
import { arrivalOf } from './arrival.ts';
import { requireLoaded, type LoadedAgent, type ServiceContext } from './context.ts';
import { completionLogprobs, type CompletionLogprobs, type ScoredToken } from './logprobs-format.ts';
import {
  buildRequest,
  checkModel,
  DEFAULT_COMPLETION_TOKENS,
  finishReason,
  requestId,
} from './request-parts.ts';
import { abortWhenGone, SseStream } from './sse.ts';

/** `POST /v1/completions`: text or token prompts, `echo` with log-probabilities as lm-eval needs them. */
export function registerCompletionRoute(app: FastifyInstance, context: ServiceContext): void {
  app.post('/v1/completions', (request, reply) => serveCompletion(context, request, reply));
}

interface Prompt {
  readonly tokens: number[];
  readonly text: string;
}

interface Choice {
  readonly index: number;
  readonly text: string;
  readonly logprobs: CompletionLogprobs | null;
  readonly finish_reason: string | null;
}

async function serveCompletion(
  context: ServiceContext,
  http: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const loaded = requireLoaded(context);
  if (!loaded.ok) return sendFailure(reply, loaded.failure);
  const parsed = parseBody(completionRequestSchema, http.body);
  if (!parsed.ok) return sendFailure(reply, parsed.failure);
  const body = parsed.value;
  const model = checkModel(body, context.manifest);
  if (!model.ok) return sendFailure(reply, model.failure);
  const id = requestId('cmpl', http, reply, loaded.value.orchestrator);
  const prompts = readPrompts(body.prompt, loaded.value.encoder, context.manifest);
  const requests = buildAll(body, context.manifest, id, prompts, arrivalOf(http), abortWhenGone(reply));
  if (!requests.ok) return sendFailure(reply, requests.failure);

  const head = { id, object: 'text_completion', created: Math.floor(Date.now() / 1000) };
  const frame = { ...head, model: context.manifest.name };
  const stream = body.stream === true ? new SseStream(reply) : null;
  const includeUsage = body.stream_options?.include_usage === true;
  const onChoice = (choice: Choice, extra: object): void =>
    stream?.send({ ...frame, choices: [choice], ...(includeUsage ? { usage: null } : {}), ...extra });
  const choices: Choice[] = [];
  const usage = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
  let last: Served | null = null;
  for (const [index, request] of requests.value.entries()) {
    const prompt = prompts[index];
    if (prompt === undefined) break;
    const result = await serveChoice(loaded.value, body, prompt, request, index, onChoice);
    if (!result.ok) {
      if (stream?.started !== true) return sendFailure(reply, result.failure);
      stream.send({ ...frame, choices: [], ...errorBody(result.failure) });
      return stream.end();
    }
    last = result.value.served;
    choices.push(result.value.choice);
    usage.prompt_tokens += last.usage.prompt_tokens;
    usage.completion_tokens += last.usage.completion_tokens;
    usage.total_tokens += last.usage.total_tokens;
  }
  const elastic = last?.report ?? null;
  if (stream === null) {
    await reply.send({ ...frame, choices, usage, elastic });
    return;
  }
  if (includeUsage) stream.send({ ...frame, choices: [], usage, elastic });
  stream.send('[DONE]');
  stream.end();
}

function readPrompts(
  prompt: CompletionRequest['prompt'],
  encoder: PromptEncoder,
  manifest: BundleManifest,
): Prompt[] {
  const ofText = (text: string): Prompt => {
    const tokens = encoder.encodeText(text);
    const { bosTokenId } = manifest.tokenizer;
    // As OpenAI: an empty prompt is the beginning of a document.
    return { text, tokens: tokens.length === 0 && bosTokenId !== null ? [bosTokenId] : tokens };
  };
  const ofTokens = (tokens: number[]): Prompt => ({
    tokens,
    text: new TextDecoder().decode(Uint8Array.from(tokens.flatMap((token) => encoder.bytesOf(token)))),
  });
  if (typeof prompt === 'string') return [ofText(prompt)];
  if (prompt.every((item) => typeof item === 'number')) return [ofTokens(prompt)];
  return prompt.flatMap((item) =>
    typeof item === 'string' ? [ofText(item)] : typeof item === 'number' ? [] : [ofTokens(item)],
  );
}

function buildAll(
  body: CompletionRequest,
  manifest: BundleManifest,
  id: string,
  prompts: readonly Prompt[],
  arrivedAtMs: number,
  signal: AbortSignal,
): Result<AgentRequest[]> {
  const requests: AgentRequest[] = [];
  for (const [index, { tokens }] of prompts.entries()) {
    const limit = {
      promptTokens: tokens,
      maxTokens: body.max_tokens ?? null,
      defaultTokens: DEFAULT_COMPLETION_TOKENS,
      // A raw prompt says of none of its parts what it is.
      words: null,
    };
    const ownId = prompts.length === 1 ? id : `${id}-${index}`;
    const built = buildRequest(body, manifest, ownId, limit, arrivedAtMs, signal);
    if (!built.ok) return built;
    const logprobs = body.logprobs ?? null;
    requests.push({ ...built.value, logprobs, scorePrompt: body.echo === true && logprobs !== null });
  }
  return ok(requests);
}

async function serveChoice(
  { encoder, orchestrator }: LoadedAgent,
  body: CompletionRequest,
  prompt: Prompt,
  request: AgentRequest,
  index: number,
  onChoice: (choice: Choice, extra: object) => void,
): Promise<Result<{ choice: Choice; served: Served }>> {
  const alternatives = request.logprobs;
  let text = '';
  const scored: ScoredToken[] = [];
  const add = (piece: string, tokens: ScoredToken[]): void => {
    const logprobs =
      alternatives === null ? null : completionLogprobs(encoder, tokens, alternatives, text.length);
    text += piece;
    scored.push(...tokens);
    onChoice({ index, text: piece, logprobs, finish_reason: null }, {});
  };
  if (body.echo === true && !request.scorePrompt) text = prompt.text;
  let echoed = body.echo !== true || request.scorePrompt;
  const result = await orchestrator.submit(request, {
    onPromptScores: (scores) =>
      add(
        prompt.text,
        prompt.tokens.map((token, i) => ({ token, score: scores[i - 1] ?? null })),
      ),
    onToken: ({ token, text: piece, score }) => {
      if (!echoed) onChoice({ index, text: prompt.text, logprobs: null, finish_reason: null }, {});
      echoed = true;
      add(piece, [{ token, score }]);
    },
  });
  if (!result.ok) return result;
  const { end, report } = result.value;
  const finish = finishReason(end.reason);
  const unsent = (echoed ? '' : prompt.text) + end.tail;
  onChoice({ index, text: unsent, logprobs: null, finish_reason: finish }, { elastic: report });
  text += end.tail;
  const logprobs = alternatives === null ? null : completionLogprobs(encoder, scored, alternatives, 0);
  return ok({ choice: { index, text, logprobs, finish_reason: finish }, served: result.value });
}
