import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';

/** A client that has let this much pile up is dropped rather than kept in memory, bytes. */
const MAX_BACKLOG_BYTES = 4 * 1024 * 1024;

/** A response of server-sent events; the headers go out with the first one. */
export class SseStream {
  readonly #reply: FastifyReply;
  #response: ServerResponse | null = null;

  constructor(reply: FastifyReply) {
    this.#reply = reply;
  }

  get started(): boolean {
    return this.#response !== null;
  }

  /** Takes the response over from fastify and sends the headers. */
  start(): ServerResponse {
    if (this.#response !== null) return this.#response;
    this.#reply.hijack();
    const response = this.#reply.raw;
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.flushHeaders();
    this.#response = response;
    return response;
  }

  /** One event; objects are written as JSON. */
  send(data: unknown, id?: number): void {
    const text = typeof data === 'string' ? data : JSON.stringify(data);
    this.#write(`${id === undefined ? '' : `id: ${id}\n`}data: ${text}\n\n`);
  }

  /** Keeps idle connections (and adb's forwarding) from looking dead. */
  comment(text: string): void {
    this.#write(`: ${text}\n\n`);
  }

  end(): void {
    this.#response?.end();
  }

  #write(text: string): void {
    const response = this.start();
    if (response.destroyed || response.writableEnded) return;
    response.write(text);
    if (response.writableLength > MAX_BACKLOG_BYTES) response.destroy();
  }
}

/** Aborts when the client goes away before the response is complete. */
export function abortWhenGone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
