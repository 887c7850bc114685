import type { FastifyInstance } from 'fastify';
import { profileRequestSchema } from '../../core/agent-api.ts';
import { apiFailure, errorBody, parseBody, sendFailure } from './api-error.ts';
import { requireLoaded, type ServiceContext } from './context.ts';
import { abortWhenGone, SseStream } from './sse.ts';

/**
 * `GET /profile`: the stored latency profile. `POST /profile`: measures one; the answer is the profile, or,
 * with `Accept: text/event-stream`, progress events `{cellsDone, cells, etaMs}` and then the profile. The
 * measurement ends when the client goes away.
 */
export function registerProfileRoutes(app: FastifyInstance, context: ServiceContext): void {
  app.get('/profile', async (_request, reply) => {
    const profile = context.loaded()?.orchestrator.profile ?? null;
    if (profile !== null) {
      await reply.send(profile);
      return;
    }
    await sendFailure(
      reply,
      apiFailure(
        'profile-missing',
        'This bundle has no latency profile on this device.',
        'POST /profile measures one.',
      ),
    );
  });

  app.post('/profile', async (request, reply) => {
    const loaded = requireLoaded(context);
    if (!loaded.ok) return sendFailure(reply, loaded.failure);
    const parsed = parseBody(profileRequestSchema, request.body ?? {});
    if (!parsed.ok) return sendFailure(reply, parsed.failure);
    const wantsEvents = request.headers.accept?.includes('text/event-stream') === true;
    const stream = wantsEvents ? new SseStream(reply) : null;
    const result = await loaded.value.profiles.measure(
      parsed.value,
      (progress) => stream?.send(progress),
      abortWhenGone(reply),
    );
    if (!result.ok) {
      if (stream?.started !== true) return sendFailure(reply, result.failure);
      stream.send(errorBody(result.failure));
      return stream.end();
    }
    if (stream === null) {
      await reply.send(result.value);
      return;
    }
    stream.send(result.value);
    stream.end();
  });
}
