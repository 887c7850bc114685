import type { FastifyInstance } from 'fastify';
import { pinLevelRequestSchema } from '../../core/agent-api.ts';
import { apiFailure, parseBody, sendFailure } from './api-error.ts';
import { requireLoaded, type ServiceContext } from './context.ts';

/** `/health`, `/v1/models`, `/metrics` and `/level`. */
export function registerControlRoutes(app: FastifyInstance, context: ServiceContext): void {
  const { manifest } = context;

  app.get('/health', async (_request, reply) => {
    await reply.send(context.health());
  });

  app.get('/v1/models', async (_request, reply) => {
    await reply.send({
      object: 'list',
      data: [
        {
          id: manifest.name,
          object: 'model',
          created: Math.floor(context.startedAt.getTime() / 1000),
          owned_by: 'bungee',
          bundle_id: manifest.bundleId,
          variant: manifest.variant,
          max_model_len: manifest.model.contextLength,
          levels: manifest.levels.map(({ level, decoderRatio, totalRatio, quality }) => ({
            level,
            decoder_ratio: decoderRatio,
            total_ratio: totalRatio,
            quality: quality ?? null,
          })),
        },
      ],
    });
  });

  app.get('/metrics', async (_request, reply) => {
    await reply.type('text/plain; version=0.0.4; charset=utf-8').send(await context.metrics.render());
  });

  app.get('/level', async (_request, reply) => {
    await reply.send({
      pinned: context.loaded()?.orchestrator.pinnedLevel ?? null,
      levels: manifest.levels.map(({ level }) => level),
    });
  });

  app.post('/level', async (request, reply) => {
    const loaded = requireLoaded(context);
    if (!loaded.ok) return sendFailure(reply, loaded.failure);
    const parsed = parseBody(pinLevelRequestSchema, request.body);
    if (!parsed.ok) return sendFailure(reply, parsed.failure);
    const { level } = parsed.value;
    const levels = manifest.levels.map((each) => each.level);
    if (level !== null && !levels.includes(level))
      return sendFailure(
        reply,
        apiFailure('level-unknown', `This bundle has no level ${level}; it has ${levels.join(', ')}.`),
      );
    loaded.value.orchestrator.pin(level);
    await reply.send({ pinned: level, levels });
  });
}
