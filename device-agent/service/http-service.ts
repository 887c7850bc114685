import { createHash, timingSafeEqual } from 'node:crypto';
import Fastify, { type FastifyError, type FastifyInstance, type FastifyRequest } from 'fastify';
import { MAX_BODY_BYTES } from '../../core/agent-api.ts';
import type { Failure } from '../../core/result.ts';
import { apiFailure, sendFailure } from './api-error.ts';
import { recordArrivals } from './arrival.ts';
import { registerChatRoute } from './chat-route.ts';
import { registerCompletionRoute } from './completion-route.ts';
import type { ServiceContext } from './context.ts';
import { registerControlRoutes } from './control-routes.ts';
import { registerEventsRoute } from './events-route.ts';
import { registerProfileRoutes } from './profile-routes.ts';
import { registerProofRoutes } from './proof-routes.ts';

/** The agent's HTTP service. Every route needs the bearer token; only loopback host names are answered. */
export function createHttpService(context: ServiceContext): FastifyInstance {
  const app = Fastify({
    bodyLimit: MAX_BODY_BYTES,
    forceCloseConnections: true,
    // A request that trickles in must not hold a socket for ever.
    requestTimeout: 60_000,
  });
  recordArrivals(app);
  app.addHook('onRequest', async (request, reply) => {
    const failure = refuse(request, context.token);
    if (failure !== null) await sendFailure(reply, failure);
  });
  // Bodies are JSON whatever the client calls them (curl -d says urlencoded).
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
    if (body === '') return done(null, undefined);
    try {
      done(null, JSON.parse(String(body)));
    } catch (error) {
      done(new MalformedJson(error instanceof Error ? error.message : String(error)));
    }
  });
  app.setNotFoundHandler((request, reply) =>
    sendFailure(reply, apiFailure('route-unknown', `There is no ${request.method} ${request.url}.`)),
  );
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    // Fastify would close the connection under a client that is still sending a refused body, which then
    // loses the answer to a reset; kept alive, Node discards the rest as it comes.
    reply.removeHeader('connection');
    reply.raw.shouldKeepAlive = true;
    return sendFailure(reply, failureOf(error));
  });
  registerControlRoutes(app, context);
  registerChatRoute(app, context);
  registerCompletionRoute(app, context);
  registerEventsRoute(app, context);
  registerProfileRoutes(app, context);
  registerProofRoutes(app, context);
  return app;
}

class MalformedJson extends Error {}

/** Web pages that rebind a name to 127.0.0.1 send their own host; clients without the token send no proof. */
function refuse(request: FastifyRequest, token: string): Failure | null {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
  if (host !== '127.0.0.1' && host !== 'localhost')
    return apiFailure(
      'host-foreign',
      `The agent answers to 127.0.0.1 and localhost only, not to ${JSON.stringify(host)}.`,
    );
  const given = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (given !== undefined && sameSecret(given, token)) return null;
  return apiFailure(
    'token-wrong',
    given === undefined ? 'The bearer token is missing.' : 'The bearer token is wrong.',
    'Send Authorization: Bearer <token of this agent start>.',
  );
}

/** Equal digests compare in constant time whatever the lengths. */
function sameSecret(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function failureOf(error: FastifyError): Failure {
  if (error instanceof MalformedJson)
    return apiFailure('invalid-json', `The request body is not valid JSON: ${error.message}.`);
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return apiFailure('body-too-large', `The request body is larger than ${MAX_BODY_BYTES} bytes.`);
  if (error.statusCode !== undefined && error.statusCode < 500)
    return apiFailure('invalid-input', `${error.message.replace(/\.$/, '')}.`);
  return apiFailure('internal', `The agent failed: ${error.message}.`);
}
