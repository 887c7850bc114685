import { parentPort } from 'node:worker_threads';
import { FULL_LEVEL } from '../core/level.ts';
import { fail, ok, type Failure, type Result } from '../core/result.ts';
import type { ExecutionProvider } from '../core/runtime-pack.ts';
import { firstLine } from './engine/open-session.ts';
import { openBundleEngine } from './engine/open-engine.ts';
import { generate, type GenerationHooks } from './engine/generate.ts';
import type { ElasticEngine } from './engine/elastic-engine.ts';
import { StaticPrefill } from './engine/static/static-prefill.ts';
import { staticRules } from './engine/static/static-rules.ts';
import { verifyBundle } from './engine/verify-bundle.ts';
import type {
  EngineOpened,
  OpenCommand,
  ProveCommand,
  TlmState,
  WorkerCommand,
  WorkerReply,
} from './host/worker-protocol.ts';
import type { ProofFindings } from './proof/prove.ts';
import { proveBundle } from './proof/prove-bundle.ts';
import { libraryProviders, sessionProviders } from './proof/proof-runtime.ts';
import { openTlm, type Tlm, type TlmAnswer, type TlmQuestion } from './tlm/tlm.ts';

// Entry of the engine's worker thread: the runtime blocks the thread that it runs on.

const port = parentPort;
if (port === null) throw new Error('engine-worker runs as a worker thread only');
const reply = (message: WorkerReply): void => port.postMessage(message);

let engine: ElasticEngine | null = null;
let tlm: Tlm | null = null;
/** Prefills ahead of the engine, on another provider. */
let ahead: StaticPrefill | null = null;
let activeId: number | null = null;
/** What the engine was opened from. */
let source: OpenCommand | null = null;

async function open(command: OpenCommand): Promise<Result<EngineOpened>> {
  const startedAt = performance.now();
  // Damage is looked for first: a graph over damaged weights may do anything.
  const verified =
    command.stampFile === null
      ? ok({ hashedBytes: 0 })
      : await verifyBundle(command.bundleDir, command.manifest, command.stampFile);
  if (!verified.ok) return verified;
  const opened = await openBundleEngine(command.bundleDir, command.manifest, command);
  if (!opened.ok) return opened;
  engine = opened.value.engine;
  source = command;
  const tlmState = await openTlmOf(command);
  const { segmentForm, fallback } = opened.value;
  return ok({
    segmentForm,
    fallback,
    loadMs: performance.now() - startedAt,
    hashedBytes: verified.value.hashedBytes,
    tlm: tlmState,
    library: libraryProviders(),
  });
}

/** Without its TLM the model still serves, so a graph that this runtime refuses is no failure of the bundle. */
async function openTlmOf({ bundleDir, manifest }: OpenCommand): Promise<TlmState> {
  if (manifest.tlm === undefined) return { ready: false, why: null };
  const opened = await openTlm(bundleDir, manifest.tlm, manifest.model.vocabSize);
  if (!opened.ok) return { ready: false, why: opened.failure.message };
  tlm = opened.value;
  return { ready: true };
}

async function askTlm(question: TlmQuestion): Promise<Result<TlmAnswer>> {
  try {
    if (tlm === null) throw new Error('it is not open');
    return ok(await tlm.ask(question));
  } catch (error) {
    return fail('tlm-run', `The TLM failed: ${firstLine(error)}.`);
  }
}

async function prove(command: ProveCommand): Promise<Result<ProofFindings>> {
  try {
    if (engine === null || source === null) throw new Error('the engine is not open');
    const found = await proveBundle(engine, source, command);
    const cancelled = Atomics.load(command.cancelFlag, 0) !== 0;
    return cancelled ? fail('request-cancelled', 'The proof was cancelled.') : ok(found);
  } catch (error) {
    return fail('proof-run', `The execution providers cannot be proved: ${firstLine(error)}.`);
  }
}

async function prefillOn(provider: ExecutionProvider): Promise<Result<null>> {
  const before = ahead;
  ahead = null;
  await before?.dispose();
  if (provider === 'cpu') return ok(null);
  if (source === null) return fail('engine-closed', 'The engine is not open.');
  // Asked for with the CPU behind it, a provider that is not there would be left out without an error.
  if (!libraryProviders().includes(provider))
    return fail('provider-missing', `This ONNX Runtime library has no ${provider}.`);
  const { bundleDir, manifest, threads } = source;
  const providers = sessionProviders(provider, threads);
  const opened = await StaticPrefill.open({
    bundleDir,
    manifest,
    threads,
    ...staticRules(provider),
    provider,
    providers,
  });
  if (!opened.ok) return opened;
  // What a provider refuses shows when a session is opened; the full level is what gains most.
  const loaded = await opened.value.load(FULL_LEVEL);
  if (loaded.ok) ahead = opened.value;
  else await opened.value.dispose();
  return loaded;
}

const prefillLost = (failure: Failure): void => reply({ kind: 'prefill-lost', failure });

async function close(): Promise<void> {
  await tlm?.dispose();
  await ahead?.dispose();
  await engine?.dispose();
  tlm = null;
  engine = null;
}

async function serve(command: Extract<WorkerCommand, { kind: 'generate' }>): Promise<void> {
  const { id, request, table, cancelFlag } = command;
  if (engine === null) return reply({ kind: 'failed', id, message: 'the engine is not open' });
  activeId = id;
  try {
    const hooks: GenerationHooks = {
      onLevel: (from, switchMs) => reply({ kind: 'level', id, from, switchMs }),
      onPromptScores: (scores) => reply({ kind: 'prompt-scores', id, scores }),
      onToken: (token) => reply({ kind: 'token', id, token }),
      onStaticFailure: prefillLost,
      cancelled: () => Atomics.load(cancelFlag, 0) !== 0,
    };
    reply({ kind: 'done', id, end: await generate(engine, table, request, hooks, ahead) });
  } catch (error) {
    reply({ kind: 'failed', id, message: firstLine(error) });
  } finally {
    activeId = null;
  }
  const caughtUp = await ahead?.catchUp();
  if (caughtUp?.ok === false) prefillLost(caughtUp.failure);
  if (ahead?.failed === true) await prefillOn('cpu');
}

port.on('message', (command: WorkerCommand) => {
  switch (command.kind) {
    case 'open':
      void open(command).then((result) => reply({ kind: 'opened', result }));
      break;
    case 'generate':
      void serve(command);
      break;
    case 'tlm':
      void askTlm(command.question).then((result) => reply({ kind: 'tlm-answer', id: command.id, result }));
      break;
    case 'prove':
      void prove(command).then((result) => reply({ kind: 'proved', id: command.id, result }));
      break;
    case 'prefill-on':
      void prefillOn(command.provider).then((result) =>
        reply({ kind: 'prefill-set', id: command.id, result }),
      );
      break;
    case 'lower-level':
      reply({
        kind: 'level-lowered',
        id: command.id,
        result:
          engine === null || activeId !== command.id
            ? fail('request-over', 'The request is not being served any more.')
            : engine.lowerLevel(command.level),
      });
      break;
    case 'close':
      void close().then(() => {
        reply({ kind: 'closed' });
        port.close();
      });
      break;
  }
});
