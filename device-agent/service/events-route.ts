import type { FastifyInstance } from 'fastify';
import { apiFailure, sendFailure } from './api-error.ts';
import type { ServiceContext } from './context.ts';
import { SseStream } from './sse.ts';

const HEARTBEAT_MS = 10_000;

/**
 * `GET /events`: every agent event as it happens. `Last-Event-ID: n` first replays what is kept after event
 * n (`-1` = all that is kept).
 */
export function registerEventsRoute(app: FastifyInstance, context: ServiceContext): void {
  app.get('/events', async (request, reply) => {
    const header = request.headers['last-event-id'];
    const lastSeen = header === undefined ? null : Number(header);
    if (lastSeen !== null && !Number.isInteger(lastSeen))
      return sendFailure(reply, apiFailure('invalid-input', 'Last-Event-ID must be the id of an event.'));
    const stream = new SseStream(reply);
    const response = stream.start();
    stream.comment('bungee agent events');
    if (lastSeen !== null) for (const event of context.events.after(lastSeen)) stream.send(event, event.seq);
    const unsubscribe = context.events.subscribe((event) => stream.send(event, event.seq));
    const heartbeat = setInterval(() => stream.comment('alive'), HEARTBEAT_MS);
    response.once('close', () => {
      unsubscribe();
      clearInterval(heartbeat);
    });
  });
}
