import type { FastifyInstance, FastifyRequest } from 'fastify';

const arrivals = new WeakMap<FastifyRequest, number>();

/** Notes each request's arrival before its body is read: TTFT counts from here. */
export function recordArrivals(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    arrivals.set(request, performance.now());
    done();
  });
}

/** Monotonic ms of the request's arrival. */
export function arrivalOf(request: FastifyRequest): number {
  return arrivals.get(request) ?? performance.now();
}
