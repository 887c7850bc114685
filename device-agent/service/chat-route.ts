import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { chatRequestSchema } from '../../core/agent-api.ts';
import type { GeneratedToken } from '../engine/generate.ts';
import { errorBody, parseBody, sendFailure } from './api-error.ts';
import { requireLoaded, type ServiceContext } from './context.ts';
import { chatLogprob } from './logprobs-format.ts';
import { buildRequest, checkModel, DEFAULT_CHAT_TOKENS, finishReason, requestId } from './request-parts.ts';
import { abortWhenGone, SseStream } from './sse.ts';
import { arrivalOf } from './arrival.ts';

/** `POST /v1/chat/completions` as OpenAI defines it, plus `slo` in and `elastic` out. */
export function registerChatRoute(app: FastifyInstance, context: ServiceContext): void {
  app.post('/v1/chat/completions', (request, reply) => serveChat(context, request, reply));
}

async function serveChat(context: ServiceContext, http: FastifyRequest, reply: FastifyReply): Promise<void> {
  const loaded = requireLoaded(context);
  if (!loaded.ok) return sendFailure(reply, loaded.failure);
  const { encoder, orchestrator } = loaded.value;
  const parsed = parseBody(chatRequestSchema, http.body);
  if (!parsed.ok) return sendFailure(reply, parsed.failure);
  const body = parsed.value;
  const model = checkModel(body, context.manifest);
  if (!model.ok) return sendFailure(reply, model.failure);
  const encoded = encoder.encodeChat(body.messages);
  if (!encoded.ok) return sendFailure(reply, encoded.failure);
  const id = requestId('chatcmpl', http, reply, orchestrator);
  const built = buildRequest(
    body,
    context.manifest,
    id,
    {
      promptTokens: encoded.value.tokens,
      // Whoever asks for log-probabilities judges the model: it is given all that was sent.
      words: body.logprobs === true ? null : encoded.value.words,
      maxTokens: body.max_completion_tokens ?? body.max_tokens ?? null,
      defaultTokens: DEFAULT_CHAT_TOKENS,
    },
    arrivalOf(http),
    abortWhenGone(reply),
  );
  if (!built.ok) return sendFailure(reply, built.failure);
  const logprobs = body.logprobs === true ? (body.top_logprobs ?? 0) : null;

  const created = Math.floor(Date.now() / 1000);
  const head = { id, created, model: context.manifest.name };
  const stream = body.stream === true ? new SseStream(reply) : null;
  const includeUsage = body.stream_options?.include_usage === true;
  const chunk = (delta: object, finish: string | null, extra: object = {}): void =>
    stream?.send({
      ...head,
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta, finish_reason: finish, ...extra }],
      ...(includeUsage ? { usage: null } : {}),
    });
  let text = '';
  const scored: ReturnType<typeof chatLogprob>[] = [];
  const onToken = ({ index, token, text: piece, score }: GeneratedToken): void => {
    text += piece;
    const content = logprobs === null ? [] : [chatLogprob(encoder, { token, score })];
    scored.push(...content);
    const delta = { ...(index === 0 ? { role: 'assistant' } : {}), content: piece };
    if (index === 0 || piece !== '' || content.length > 0)
      chunk(delta, null, logprobs === null ? {} : { logprobs: { content } });
  };
  const result = await orchestrator.submit({ ...built.value, logprobs, scorePrompt: false }, { onToken });

  if (!result.ok) {
    if (stream?.started !== true) return sendFailure(reply, result.failure);
    stream.send({ ...head, choices: [], ...errorBody(result.failure) });
    return stream.end();
  }
  const { end, report, usage } = result.value;
  text += end.tail;
  const finish = finishReason(end.reason);
  if (stream !== null) {
    if (end.tail !== '') chunk({ content: end.tail }, null);
    const last = { ...head, object: 'chat.completion.chunk', elastic: report };
    const closing = { index: 0, delta: {}, finish_reason: finish };
    stream.send({ ...last, choices: [closing], ...(includeUsage ? { usage: null } : {}) });
    if (includeUsage) stream.send({ ...last, choices: [], usage });
    stream.send('[DONE]');
    return stream.end();
  }
  await reply.send({
    ...head,
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: text, refusal: null },
        logprobs: logprobs === null ? null : { content: scored, refusal: null },
        finish_reason: finish,
      },
    ],
    usage,
    elastic: report,
  });
}
