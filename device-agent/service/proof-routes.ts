import type { FastifyInstance } from 'fastify';
import { proofRequestSchema } from '../../core/provider-proof.ts';
import { apiFailure, parseBody, sendFailure } from './api-error.ts';
import { requireLoaded, type ServiceContext } from './context.ts';
import { abortWhenGone } from './sse.ts';

/**
 * `GET /proof`: the stored proof of the execution providers. `POST /proof`: makes one (or answers with the stored one
 * where it still holds); ends when the client goes away.
 */
export function registerProofRoutes(app: FastifyInstance, context: ServiceContext): void {
  app.get('/proof', async (_request, reply) => {
    const proof = context.loaded()?.proofs.current ?? null;
    if (proof !== null) {
      await reply.send(proof);
      return;
    }
    await sendFailure(
      reply,
      apiFailure(
        'proof-missing',
        'The execution providers of this device are not proved for this bundle.',
        'POST /proof does it.',
      ),
    );
  });

  app.post('/proof', async (request, reply) => {
    const loaded = requireLoaded(context);
    if (!loaded.ok) return sendFailure(reply, loaded.failure);
    const parsed = parseBody(proofRequestSchema, request.body ?? {});
    if (!parsed.ok) return sendFailure(reply, parsed.failure);
    const proved = await loaded.value.proofs.prove(parsed.value, abortWhenGone(reply));
    if (!proved.ok) return sendFailure(reply, proved.failure);
    await reply.send(proved.value);
  });
}
