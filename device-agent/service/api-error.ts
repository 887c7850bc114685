import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { ApiErrorBody } from '../../core/agent-api.ts';
import { firstIssue } from '../../core/parse.ts';
import { describeFailure, type Failure, type Result } from '../../core/result.ts';

/** HTTP status, OpenAI error type and code of each failure that a route can answer with. */
const ANSWERS: Record<string, { status: number; type: string; code: string; retryAfterS?: number }> = {
  'invalid-json': { status: 400, type: 'invalid_request_error', code: 'invalid_json' },
  'invalid-input': { status: 400, type: 'invalid_request_error', code: 'invalid_value' },
  'chat-template': { status: 400, type: 'invalid_request_error', code: 'invalid_messages' },
  'level-unknown': { status: 400, type: 'invalid_request_error', code: 'unknown_level' },
  'context-length': { status: 400, type: 'invalid_request_error', code: 'context_length_exceeded' },
  'token-wrong': { status: 401, type: 'invalid_request_error', code: 'invalid_api_key' },
  'host-foreign': { status: 403, type: 'invalid_request_error', code: 'forbidden_host' },
  'model-unknown': { status: 404, type: 'invalid_request_error', code: 'model_not_found' },
  'route-unknown': { status: 404, type: 'invalid_request_error', code: 'unknown_url' },
  'profile-missing': { status: 404, type: 'invalid_request_error', code: 'no_profile' },
  'profile-running': { status: 409, type: 'invalid_request_error', code: 'profile_running' },
  'proof-missing': { status: 404, type: 'invalid_request_error', code: 'no_proof' },
  'proof-running': { status: 409, type: 'invalid_request_error', code: 'proof_running' },
  'body-too-large': { status: 413, type: 'invalid_request_error', code: 'body_too_large' },
  'queue-full': { status: 429, type: 'rate_limit_error', code: 'queue_full', retryAfterS: 1 },
  'request-cancelled': { status: 499, type: 'invalid_request_error', code: 'cancelled' },
  'not-ready': { status: 503, type: 'server_error', code: 'not_ready', retryAfterS: 1 },
  'agent-stopping': { status: 503, type: 'server_error', code: 'stopping', retryAfterS: 5 },
};
const SERVER_ERROR = { status: 500, type: 'server_error', code: 'engine_failed' };

/** A failure that names the request field it is about. */
export interface ApiFailure extends Failure {
  readonly param?: string | undefined;
}

/** A failure as a plain value, for routes that answer with it at once. */
export function apiFailure(code: string, message: string, remedy?: string): Failure {
  return { code, message, remedy };
}

export function statusOf(failure: Failure): number {
  return (ANSWERS[failure.code] ?? SERVER_ERROR).status;
}

/** A failure as OpenAI writes errors. */
export function errorBody(failure: ApiFailure): ApiErrorBody {
  const { type, code } = ANSWERS[failure.code] ?? SERVER_ERROR;
  return { error: { message: describeFailure(failure), type, param: failure.param ?? null, code } };
}

export async function sendFailure(reply: FastifyReply, failure: ApiFailure): Promise<void> {
  const retryAfterS = ANSWERS[failure.code]?.retryAfterS;
  if (retryAfterS !== undefined) reply.header('retry-after', String(retryAfterS));
  await reply.code(statusOf(failure)).send(errorBody(failure));
}

/** Parses a request body; failure `invalid-input` whose `param` is the first wrong field. */
export function parseBody<T>(
  schema: z.ZodType<T>,
  body: unknown,
): Result<T> | { readonly ok: false; readonly failure: ApiFailure } {
  const parsed = schema.safeParse(body);
  if (parsed.success) return { ok: true, value: parsed.data };
  const param = parsed.error.issues[0]?.path.map(String).join('.');
  const message = `The request is invalid: ${firstIssue(parsed.error)}.`;
  return { ok: false, failure: { code: 'invalid-input', message, param } };
}
