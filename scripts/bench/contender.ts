import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Level } from '../../core/level.ts';
import { unwrap } from '../../core/result.ts';
import { openEngine, type ElasticEngine } from '../../device-agent/index.ts';
import { contenderRequestSchema, type ContenderReply, type ContenderSpec } from './contender-protocol.ts';

/** Times of one request: to the first token, and of each further one, ms. */
interface TimedRun {
  readonly ttftMs: number;
  /** null for a single token. */
  readonly tpotMs: number | null;
}

interface Contender {
  readonly what: string;
  run(level: Level | null, prompt: readonly number[], decodeTokens: number): Promise<TimedRun>;
  /** ms of each switch; a contender with one level has none. */
  switchTimes(levels: readonly Level[], times: number): number[];
}

/** TPOT of `tokens` tokens, the first of which took no part of `ms`; null for a single one. */
function perToken(ms: number, tokens: number): number | null {
  return tokens > 1 ? ms / (tokens - 1) : null;
}

function argMax(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if ((logits[i] ?? 0) > (logits[best] ?? 0)) best = i;
  return best;
}

function engineContender(engine: ElasticEngine, what: string): Contender {
  return {
    what,
    async run(level, prompt, decodeTokens) {
      if (level !== null) unwrap(engine.setLevel(level));
      const startedAt = performance.now();
      const sequence = engine.open(prompt.length, decodeTokens);
      let logits = await engine.prefill(sequence, prompt);
      if (logits === null) throw new Error('prefill gave no logits');
      let token = argMax(logits);
      const firstAt = performance.now();
      for (let i = 1; i < decodeTokens; i++) {
        logits = await engine.step(sequence, token);
        token = argMax(logits);
      }
      const lastAt = performance.now();
      engine.close(sequence);
      return { ttftMs: firstAt - startedAt, tpotMs: perToken(lastAt - firstAt, decodeTokens) };
    },
    switchTimes(levels, times) {
      return Array.from(
        { length: times },
        (_, i) => unwrap(engine.setLevel(levels[i % levels.length] ?? engine.level)).switchMs,
      );
    },
  };
}

/** What the bench uses of node-llama-cpp, which is installed on demand and therefore not typed here. */
interface LlamaModule {
  getLlama(options: object): Promise<{
    loadModel(options: object): Promise<{
      createContext(options: object): Promise<{
        getSequence(): {
          clearHistory(): Promise<void>;
          evaluate(tokens: number[], options: object): AsyncGenerator<number>;
        };
      }>;
    }>;
  }>;
}

async function llamaContender(spec: Extract<ContenderSpec, { kind: 'llama.cpp' }>): Promise<Contender> {
  const entry = createRequire(join(spec.packageFolder, 'package.json')).resolve('node-llama-cpp');
  const { getLlama } = (await import(pathToFileURL(entry).href)) as LlamaModule;
  const llama = await getLlama({
    build: 'never',
    skipDownload: true,
    gpu: false,
    logLevel: 'error',
    maxThreads: spec.threads,
  });
  const model = await llama.loadModel({ modelPath: spec.ggufFile });
  const context = await model.createContext({
    contextSize: 1024,
    batchSize: 512,
    sequences: 1,
    threads: spec.threads,
  });
  const sequence = context.getSequence();
  return {
    what: 'llama.cpp',
    async run(_level, prompt, decodeTokens) {
      await sequence.clearHistory();
      const at: number[] = [];
      const startedAt = performance.now();
      // Greedy; without an end token, so that every run decodes equally many.
      for await (const _token of sequence.evaluate([...prompt], { temperature: 0, yieldEogToken: true })) {
        at.push(performance.now());
        if (at.length >= decodeTokens) break;
      }
      const [first = Number.NaN] = at;
      return { ttftMs: first - startedAt, tpotMs: perToken((at.at(-1) ?? Number.NaN) - first, at.length) };
    },
    switchTimes: () => [],
  };
}

async function openContender(spec: ContenderSpec): Promise<Contender> {
  switch (spec.kind) {
    case 'elastic': {
      const { engine, segmentForm } = unwrap(await openEngine(spec));
      return engineContender(engine, segmentForm);
    }
    case 'llama.cpp':
      return llamaContender(spec);
  }
}

/** The child's side: opens the engine, then answers requests one at a time until the parent goes away. */
export async function serveAsContender(spec: ContenderSpec): Promise<never> {
  const reply = (message: ContenderReply): void => void process.send?.(message);
  const startedAt = performance.now();
  const contender = await openContender(spec);
  reply({ op: 'ready', loadMs: performance.now() - startedAt, what: contender.what });
  process.on('disconnect', () => process.exit(0));
  process.on('message', (input) => {
    const request = contenderRequestSchema.parse(input);
    const answer = async (): Promise<void> => {
      if (request.op === 'switch') {
        reply({ op: 'switched', switchMs: contender.switchTimes(request.levels, request.times) });
        return;
      }
      const cpuBefore = process.cpuUsage();
      const timed = await contender.run(request.level, request.promptTokens, request.decodeTokens);
      const cpu = process.cpuUsage(cpuBefore);
      reply({ op: 'measured', ...timed, cpuMs: (cpu.user + cpu.system) / 1000 });
    };
    answer().catch((error: unknown) =>
      reply({ op: 'failed', message: error instanceof Error ? error.message : String(error) }),
    );
  });
  return new Promise<never>(() => undefined);
}
