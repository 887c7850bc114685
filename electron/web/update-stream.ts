import type { ServerResponse } from 'node:http';
import type { DesktopService } from '../desktop/desktop-service.ts';

const HEARTBEAT_MS = 15_000;

/** `GET /api/updates`: a DesktopUpdate per server-sent event; a slow reader gets fewer, larger ones. */
export function streamUpdates(service: Pick<DesktopService, 'subscribe'>, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
  const subscription = service.subscribe((update) => response.write(`data: ${JSON.stringify(update)}\n\n`));
  response.on('drain', () => subscription.ready());
  const heartbeat = setInterval(() => response.write(': alive\n\n'), HEARTBEAT_MS);
  response.once('close', () => {
    clearInterval(heartbeat);
    subscription.unsubscribe();
  });
}
