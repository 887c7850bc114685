import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { CommandName } from '../../core/desktop-contract.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { DesktopService } from '../desktop/desktop-service.ts';
import { errorCode, errorMessage } from '../files/atomic-file.ts';
import { readStaticFile } from './static-files.ts';
import { streamUpdates } from './update-stream.ts';

/** The same policy as the page's own meta tag under Electron, plus the host's own calls. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Commands are small; bundles are named by path, never uploaded. */
const MAX_REQUEST_BYTES = 64 * 1024;

export interface WebHost {
  readonly port: number;
  /** Opens the window; holds the token, so treat it as a password. */
  readonly url: string;
  close(): Promise<void>;
}

export interface WebHostOptions {
  readonly service: Pick<DesktopService, 'call' | 'subscribe'>;
  /** Built page (dist/renderer). */
  readonly pageDir: string;
  /** 0 = any free port. */
  readonly port: number;
}

/**
 * The window in a browser: serves the page and the command map on 127.0.0.1 only. Whoever opens `url` gets a
 * cookie; without it nothing answers. Failure `port-taken`.
 */
export async function startWebHost(options: WebHostOptions): Promise<Result<WebHost>> {
  const token = randomBytes(24).toString('base64url');
  const server = createServer((request, response) => {
    serve(options, token, boundPort(server), request, response).catch((error: unknown) => {
      if (!response.headersSent) sendText(response, 500, `Bungee failed: ${errorMessage(error)}\n`);
      else response.destroy();
    });
  });
  server.requestTimeout = 30_000;
  const failure = await listen(server, options.port);
  if (failure !== null) return failure;
  const port = boundPort(server);
  return ok({
    port,
    url: `http://127.0.0.1:${port}/?token=${token}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections?.();
      }),
  });
}

function boundPort(server: Server): number {
  const address = server.address();
  return address === null || typeof address === 'string' ? 0 : address.port;
}

function listen(server: Server, port: number): Promise<Result<never> | null> {
  return new Promise((resolve) => {
    server.once('error', (error) =>
      resolve(
        errorCode(error) === 'EADDRINUSE'
          ? fail('port-taken', `Port ${port} is in use.`, 'Choose another, or 0 for any free one.')
          : fail('port-taken', `Port ${port} can't be used: ${error.message}.`),
      ),
    );
    server.listen(port, '127.0.0.1', () => resolve(null));
  });
}

async function serve(
  { service, pageDir }: WebHostOptions,
  token: string,
  port: number,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  const { host, origin } = request.headers;
  // A page that rebinds its name to 127.0.0.1 sends its own host; a foreign page its own origin.
  if (host === undefined || !hosts.includes(host)) return sendText(response, 403, 'Wrong host.\n');
  if (origin !== undefined && !hosts.some((own) => origin === `http://${own}`))
    return sendText(response, 403, 'Wrong origin.\n');
  const url = new URL(request.url ?? '/', `http://${host}`);
  const cookie = `bungee-${port}`;
  const given = url.searchParams.get('token');
  if (given !== null && request.method === 'GET' && url.pathname === '/') {
    if (!isSame(given, token))
      return sendText(response, 401, 'Wrong token. Open the address that Bungee printed.\n');
    response.setHeader('set-cookie', `${cookie}=${token}; HttpOnly; SameSite=Strict; Path=/`);
    response.writeHead(303, { location: '/' });
    response.end();
    return;
  }
  if (!isSame(readCookie(request, cookie) ?? '', token))
    return sendText(response, 401, 'Open the address that Bungee printed; it holds the token.\n');
  if (url.pathname === '/api/updates') {
    if (request.method !== 'GET') return sendText(response, 405, 'GET only.\n');
    return streamUpdates(service, response);
  }
  if (url.pathname.startsWith('/api/'))
    return serveCommand(service, url.pathname.slice('/api/'.length), request, response);
  if (request.method !== 'GET' && request.method !== 'HEAD') return sendText(response, 405, 'GET only.\n');
  const file = await readStaticFile(pageDir, url.pathname);
  if (file === null) return sendText(response, 404, 'Not found.\n');
  response.writeHead(200, { 'content-type': file.type, 'content-length': file.content.length });
  response.end(request.method === 'HEAD' ? undefined : file.content);
}

const SECURITY_HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

async function serveCommand(
  service: WebHostOptions['service'],
  command: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'POST') return sendText(response, 405, 'POST only.\n');
  // A form of a foreign page can't send this type.
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? ''))
    return sendText(response, 415, 'application/json only.\n');
  const body = await readBody(request);
  if (body === null) {
    response.setHeader('connection', 'close');
    return sendText(response, 413, `The request is larger than ${MAX_REQUEST_BYTES} bytes.\n`);
  }
  let input: unknown;
  try {
    input = body === '' ? {} : JSON.parse(body);
  } catch (error) {
    const failure = fail('invalid-json', `The request is not valid JSON: ${errorMessage(error)}.`);
    return sendJson(response, 400, failure);
  }
  // The service itself refuses unknown names and bad requests.
  const result = await service.call(command as CommandName, input);
  const isBad = !result.ok && ['unknown-command', 'invalid-input'].includes(result.failure.code);
  sendJson(response, isBad ? (result.failure.code === 'unknown-command' ? 404 : 400) : 200, result);
}

/** null when it is too large; the rest is not read. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_REQUEST_BYTES) return null;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_REQUEST_BYTES) return null;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readCookie(request: IncomingMessage, name: string): string | null {
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const [key, ...value] = part.trim().split('=');
    if (key === name) return value.join('=');
  }
  return null;
}

/** Equal digests compare in constant time whatever the lengths. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(value));
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(text);
}
