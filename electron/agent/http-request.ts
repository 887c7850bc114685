import { Agent, request, type IncomingMessage } from 'node:http';
import { fail, ok, type Failure, type Result } from '../../core/result.ts';
import { apiErrorSchema } from '../../core/agent-api.ts';
import { errorCode, errorMessage } from '../files/atomic-file.ts';

export interface HttpCall {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Without a byte for this long the call fails; null = wait for ever. Default 15 s. */
  readonly idleTimeoutMs?: number | null;
}

export interface HttpTarget {
  /** Local end of the adb forward. */
  readonly port: number;
  readonly token: string;
  readonly connections: Agent;
}

export function httpTarget(port: number, token: string): HttpTarget {
  return { port, token, connections: new Agent({ keepAlive: true, maxSockets: 256 }) };
}

/**
 * One request to the agent. `node:http` and not fetch: the desktop must also run on the Node 16 of old
 * Electrons.
 *
 * Failures: `agent-unreachable` (nothing listens, or the connection was cut), `agent-timeout`, `aborted`.
 */
export function openRequest(target: HttpTarget, call: HttpCall): Promise<Result<IncomingMessage>> {
  return new Promise((resolve) => {
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    if (call.signal?.aborted === true) return resolve(requestFailure(new Error('aborted'), call.signal));
    const sent = request({
      host: '127.0.0.1',
      port: target.port,
      method: call.method,
      path: call.path,
      agent: target.connections,
      headers: {
        authorization: `Bearer ${target.token}`,
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
        ...call.headers,
      },
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    });
    const idleMs = call.idleTimeoutMs === undefined ? 15_000 : call.idleTimeoutMs;
    if (idleMs !== null)
      sent.setTimeout(idleMs, () =>
        sent.destroy(Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })),
      );
    sent.on('response', (response) => {
      // Node 16 lets go of the request only: without this a stream would be read until its idle timeout.
      const cut = (): void => void response.destroy();
      call.signal?.addEventListener('abort', cut, { once: true });
      response.once('close', () => call.signal?.removeEventListener('abort', cut));
      resolve(ok(response));
    });
    sent.on('error', (error) => resolve(requestFailure(error, call.signal)));
    sent.end(body);
  });
}

export function requestFailure(error: unknown, signal: AbortSignal | undefined): Result<never> {
  if (signal?.aborted === true) return fail('aborted', 'The request was cancelled.');
  if (errorCode(error) === 'ETIMEDOUT')
    return fail('agent-timeout', 'The agent did not answer in time.', 'Look at its log.');
  return fail(
    'agent-unreachable',
    `The agent can't be reached: ${errorMessage(error)}.`,
    'Bungee checks the phone and restarts the agent by itself.',
  );
}

/** Whole body as text. @throws when the connection is cut. */
export async function readText(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8');
  let text = '';
  for await (const chunk of response) text += chunk as string;
  return text;
}

/** The agent's own words for a status that is not 200: `agent-refused`, with OpenAI's code in `detail`. */
export function refusal(status: number, body: string): Failure {
  let message = body.slice(0, 200).trim();
  let code = '';
  try {
    const parsed = apiErrorSchema.safeParse(JSON.parse(body));
    if (parsed.success) {
      message = parsed.data.error.message;
      code = parsed.data.error.code ?? '';
    }
  } catch {
    // Not JSON: the text itself is the best there is.
  }
  return {
    code: status === 401 ? 'agent-token' : status === 503 ? 'agent-not-ready' : 'agent-refused',
    message: `The agent answered ${status}: ${message}`,
    detail: code,
  };
}
