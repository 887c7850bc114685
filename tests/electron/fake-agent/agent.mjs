// An agent in a few lines: the interface of core/agent-api.ts and core/agent-event.ts without a model. It runs
// as the virtual phone's `node` in lifecycle tests. `crash` as a prompt ends it as an engine failure would.
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const option = (name) => process.argv[process.argv.indexOf(`--${name}`) + 1];
const home = option('home');
const token = process.env.BUNGEE_TOKEN ?? '';
const startedAt = new Date().toISOString();
const startedAtMs = performance.now();
const bundleId = 'fake-bundle';
const runtime = { onnxruntime: 'fake', node: process.version, provider: 'cpu', arch: process.arch };

if (existsSync(join(home, 'killed-at-start'))) {
  rmSync(join(home, 'killed-at-start'));
  process.kill(process.pid, 'SIGKILL');
}
console.log('fake agent starts');
if (existsSync(join(home, 'crash-at-start'))) {
  console.error('Error: weights.bin is corrupt');
  process.exit(1);
}

let seq = 0;
const kept = [];
const listeners = new Set();
function emit(event) {
  const stamped = { seq: seq++, atMs: performance.now(), ...event };
  kept.push(stamped);
  for (const response of listeners) sendEvent(response, stamped);
}
function sendEvent(response, event) {
  response.write(`id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`);
}

let pinned = null;
let profile = null;
const n = { n: 1, mean: 1, std: 0, min: 1, p50: 1, p90: 1, p95: 1, p99: 1, max: 1 };
function measuredProfile(request) {
  return {
    schemaVersion: 1,
    bundleId,
    mode: request.mode ?? 'quick',
    measuredAt: new Date().toISOString(),
    device: {
      serial: request.serial ?? '',
      model: request.deviceModel ?? '',
      virtual: request.virtual ?? false,
    },
    runtime,
    threads: 1,
    decodeTokens: 8,
    warmUpRuns: 1,
    temperatureC: { before: null, after: null },
    cells: [{ level: 100, promptTokens: 64, threads: 1, ttftMs: n, tpotMs: n }],
  };
}

/** A proof of a runtime that has the CPU only; `prove-fails` in the agent's folder makes it fail. */
let proof = null;
function madeProof(request) {
  const noted = { placement: null, numerics: null, speed: null };
  return {
    schemaVersion: 1,
    provedAt: new Date().toISOString(),
    bundleId,
    threads: 1,
    runtime,
    device: {
      serial: request.serial ?? '',
      model: request.deviceModel ?? '',
      virtual: request.virtual ?? false,
      systemBuild: request.systemBuild ?? '',
      nnapiDevices: request.nnapiDevices ?? null,
    },
    library: ['cpu'],
    simulated: request.simulate ?? null,
    candidates: [
      { ...noted, provider: 'cpu', subject: 'the elastic engine', verdict: 'chosen', reason: 'It serves.' },
      { ...noted, provider: 'nnapi', subject: null, verdict: 'not-in-library', reason: 'It is not there.' },
    ],
    chosen: { prefill: 'cpu', decode: 'cpu' },
    reasons: { prefill: 'the CPU serves', decode: 'the CPU serves' },
  };
}

const health = () => ({
  apiVersion: 1,
  status: performance.now() - startedAtMs < 150 ? 'loading' : 'ready',
  failure: null,
  pid: process.pid,
  startedAt,
  uptimeMs: performance.now() - startedAtMs,
  model: 'Fake',
  bundleId,
  variant: 'f32',
  threads: 1,
  runtime,
  segmentForm: 'zero-row',
  loadMs: 1,
  queueLength: 0,
  pinnedLevel: pinned,
  hasProfile: profile !== null,
});

let made = 0;
async function chat(request, response, body) {
  const requestId = request.headers['x-request-id'] ?? `fake-${++made}`;
  const prompt = body.messages.at(-1).content;
  const slo = body.slo ?? null;
  const app = body.elastic?.app ?? null;
  const level = pinned ?? (slo?.ttft !== undefined && slo.ttft < 0.5 ? 20 : 100);
  const decision = {
    strategy: { promptLevel: 1, modelLevel: level },
    decidedBy: pinned === null ? 'profile' : 'pinned',
    feasible: true,
    slo,
    limits: slo === null ? null : { ttftMs: 1000, tpotMs: 1000 },
    reference: { ttftMs: 10, tpotMs: 5 },
    predicted: { ttftMs: 10, tpotMs: 5 },
  };
  emit({ type: 'request-queued', requestId, app, slo, promptTokens: 3, queueLength: 1 });
  emit({ type: 'request-started', requestId, decision, queueMs: 0 });
  if (prompt === 'crash') {
    console.error('Error: the engine lost its mind');
    process.exit(1);
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const delayMs = prompt === 'slow' ? 300 : 5;
  for (let index = 0; index < 4; index++) {
    await new Promise((done) => setTimeout(done, delayMs));
    if (response.destroyed) return;
    emit({ type: 'token', requestId, index, text: `t${index} ` });
    const chunk = { id: requestId, choices: [{ delta: { content: `t${index} ` }, finish_reason: null }] };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  }
  const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 };
  const measured = { queueMs: 0, ttftMs: delayMs, tpotMs: delayMs, e2elMs: 4 * delayMs };
  const sloHit = {
    ttft: slo === null ? null : true,
    tpot: slo === null ? null : true,
    met: slo === null ? null : true,
  };
  const elastic = { ...decision, requestId, app, measured, sloHit };
  emit({
    type: 'request-finished',
    requestId,
    outcome: 'completed',
    finishReason: 'stop',
    failure: null,
    report: elastic,
    usage,
    queueLength: 0,
  });
  const last = { id: requestId, choices: [{ delta: {}, finish_reason: 'stop' }], elastic };
  response.write(`data: ${JSON.stringify(last)}\n\n`);
  response.write(`data: ${JSON.stringify({ id: requestId, choices: [], usage, elastic })}\n\n`);
  response.end('data: [DONE]\n\n');
}

const server = createServer(async (request, response) => {
  let text = '';
  for await (const chunk of request) text += chunk;
  const body = text === '' ? {} : JSON.parse(text);
  const json = (status, value) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  };
  const error = (status, message, code) => json(status, { error: { message, type: 'x', param: null, code } });
  if (request.headers.authorization !== `Bearer ${token}`)
    return error(401, 'The bearer token is wrong.', 'key');
  switch (`${request.method} ${request.url}`) {
    case 'GET /health':
      return json(200, health());
    case 'GET /profile':
      return profile === null ? error(404, 'no profile', 'no_profile') : json(200, profile);
    case 'POST /profile':
      emit({ type: 'profile-progress', cellsDone: 0, cells: 2, etaMs: 100 });
      await new Promise((done) => setTimeout(done, 120));
      profile = measuredProfile(body);
      emit({ type: 'profile-finished', profile });
      return json(200, profile);
    case 'POST /proof':
      if (existsSync(join(home, 'prove-fails'))) return error(500, 'The proof broke.', 'engine_failed');
      if (body.simulate) return json(200, madeProof(body));
      proof ??= madeProof(body);
      return json(200, proof);
    case 'POST /level':
      if (body.level !== pinned)
        emit({ type: 'level-switched', from: 100, to: body.level ?? 100, requestId: null, switchMs: 0.01 });
      pinned = body.level;
      emit({ type: 'level-pinned', level: pinned });
      return json(200, { level: pinned });
    case 'GET /events': {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': hello\n\n');
      const last = request.headers['last-event-id'];
      if (last !== undefined)
        for (const event of kept) if (event.seq > Number(last)) sendEvent(response, event);
      listeners.add(response);
      response.on('close', () => listeners.delete(response));
      return undefined;
    }
    case 'POST /v1/chat/completions':
      return chat(request, response, body);
    default:
      return error(404, `no ${request.url}`, 'unknown_url');
  }
});
server.listen(Number(option('port')), '127.0.0.1', () => {
  const state = { apiVersion: 1, pid: process.pid, port: server.address().port, token, bundleId, startedAt };
  writeFileSync(join(home, 'agent.json.tmp'), JSON.stringify(state));
  renameSync(join(home, 'agent.json.tmp'), join(home, 'agent.json'));
  console.log(`listens on ${state.port}`);
});
process.on('SIGTERM', () => {
  rmSync(join(home, 'agent.json'), { force: true });
  console.log('stops');
  process.exit(0);
});
