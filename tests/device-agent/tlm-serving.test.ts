import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { healthSchema } from '../../core/agent-api.ts';
import type { AgentEvent } from '../../core/agent-event.ts';
import { MANIFEST_FILE } from '../../core/bundle-manifest.ts';
import { elasticReportSchema, type ElasticReport } from '../../core/strategy.ts';
import { tinySourceModel } from '../../offline/index.ts';
import { linearProfile, storeProfile, type Pace } from './support/linear-profile.ts';
import { addRatioTlm } from './support/ratio-tlm.ts';
import {
  finished,
  readEvents,
  startTestAgent,
  type TestAgent,
  type TestAgentOptions,
} from './support/start-test-agent.ts';
import { makeTinyBundle, type TinyBundle } from './support/tiny-bundle.ts';

let bundle: TinyBundle;
let agent: TestAgent | null = null;

beforeAll(async () => {
  // Six layers: the full level and 90 then differ in MLPs only.
  const model = tinySourceModel({ config: { layers: 6, contextLength: 2048 } });
  bundle = addRatioTlm(await makeTinyBundle('f32', { model }));
});
afterEach(async () => {
  await agent?.stop();
  agent = null;
});
afterAll(() => bundle.remove());

/** So slow by the profile that this computer keeps every bound. */
const SLOW: Pace = { tokenMs: 1000, tpotMs: 10_000 };

async function start(pace: Pace | null, options: TestAgentOptions = {}): Promise<TestAgent> {
  const home = bundle.newHome();
  if (pace !== null) storeProfile(home, linearProfile(bundle.manifest.bundleId, pace));
  agent = await startTestAgent(bundle, { home, ...options });
  return agent;
}

const QUESTION = 'Which app sets an alarm for 7 on 2026-11-23?';
const messages = [
  { role: 'system', content: 'You are given a list of apps. Name the one that suits the task best.' },
  { role: 'user', content: 'Send a letter to my aunt who lives in the south' },
  { role: 'assistant', content: 'The mail app is what you want' },
  { role: 'user', content: QUESTION },
];

interface Answer {
  readonly id: string;
  readonly usage: { readonly prompt_tokens: number };
  readonly elastic: ElasticReport;
}

async function chat(from: TestAgent, body: object): Promise<Answer> {
  const response = await from.post('/v1/chat/completions', {
    messages,
    max_tokens: 3,
    temperature: 0,
    ...body,
  });
  expect(response.status).toBe(200);
  const answer = (await response.json()) as Answer;
  return { ...answer, elastic: elasticReportSchema.parse(answer.elastic) };
}

const ofRequest = (events: readonly AgentEvent[], id: string): AgentEvent[] =>
  events.filter((event) => 'requestId' in event && event.requestId === id);

const line = (from: TestAgent, text: string): number =>
  from.lines.filter((each) => each.includes(text)).length;

describe('with a TLM', () => {
  test('health says so', async () => {
    const { call, lines } = await start(null);
    expect(healthSchema.parse(await (await call('/health')).json()).hasTlm).toBe(true);
    expect(lines.join('\n')).not.toContain('served whole');
  });

  test('an SLO is served by its proposal: the prompt compressed, the question whole', async () => {
    const served = await start(SLOW);
    const { id, usage, elastic } = await chat(served, { slo: { ttft: 0.5 } });
    const strategy = { promptLevel: 0.5, modelLevel: 80 };
    expect(elastic).toMatchObject({
      decidedBy: 'tlm',
      strategy,
      tlm: { proposed: strategy },
      feasible: true,
    });
    expect(elastic.tlm?.ms).toBeGreaterThan(0);
    expect(elastic.measured.ttftMs).toBeGreaterThan(elastic.tlm?.ms ?? 0);
    expect(elastic.promptTokens).toBe(usage.prompt_tokens);
    expect(elastic.keptTokens / usage.prompt_tokens).toBeGreaterThan(0.42);
    expect(elastic.keptTokens / usage.prompt_tokens).toBeLessThanOrEqual(0.51);

    const events = ofRequest(await readEvents(served, -1, finished(id)), id);
    expect(events.map(({ type }) => type).slice(0, 4)).toEqual([
      'request-queued',
      'request-started',
      'prompt-compressed',
      'level-switched',
    ]);
    const started = events.find((event) => event.type === 'request-started');
    expect(started?.type === 'request-started' ? started.grid?.length : 0).toBe(90);
    const told = events.find((event) => event.type === 'prompt-compressed');
    if (told?.type !== 'prompt-compressed') throw new Error('no prompt-compressed');
    expect(told.promptLevel).toBe(0.5);
    const text = (kept: boolean): string =>
      told.words.flatMap((word) => (kept && !word.kept ? [] : [word.text])).join('');
    expect(text(false)).toBe(
      messages.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join('') +
        '<|im_start|>assistant\n',
    );
    expect(text(true)).toContain(`<|im_start|>user\n${QUESTION}<|im_end|>\n<|im_start|>assistant\n`);
    const scored = told.words.flatMap(({ score, kept }) => (score === null ? [] : [{ score, kept }]));
    expect(scored.some(({ kept }) => kept)).toBe(true);
    expect(scored.some(({ kept }) => !kept)).toBe(true);
    expect(told.words.every(({ score, kept }) => score !== null || kept)).toBe(true);
    expect(Math.max(...scored.map(({ score }) => score))).toBe(
      Math.max(...scored.filter(({ kept }) => kept).map(({ score }) => score)),
    );
  });

  test('the answer is the one of the kept tokens alone', async () => {
    const served = await start(SLOW);
    const ask = async (body: object): Promise<unknown> => {
      const response = await served.post('/v1/chat/completions', { temperature: 0, max_tokens: 12, ...body });
      return ((await response.json()) as { choices: { message: { content: string } }[] }).choices[0]?.message;
    };
    const elastic = { prompt_level: 0.1 };
    // Nothing but what is fixed fits into a tenth.
    const bare = messages.map((message, i) => (i < 3 ? { ...message, content: '' } : message));
    expect(await ask({ messages, elastic })).toEqual(await ask({ messages: bare }));
    expect(await ask({ messages, elastic })).not.toEqual(await ask({ messages }));
  });

  test('where its proposal would miss the SLO the guard decides', async () => {
    const served = await start(SLOW);
    const { elastic } = await chat(served, { slo: { ttft: 0.1 } });
    expect(elastic.tlm?.proposed).toEqual({ promptLevel: 0.1, modelLevel: 80 });
    expect(['guard', 'nothing-feasible']).toContain(elastic.decidedBy);
    expect(elastic.strategy.modelLevel).toBeLessThan(80);
    const metrics = await (await served.call('/metrics')).text();
    expect(metrics).toMatch(/^bungee_guard_interventions_total\{.*\} 1$/m);
    expect(metrics).toMatch(/^bungee_tlm_seconds_count\{.*\} 1$/m);
    expect(metrics).toMatch(/^bungee_prompt_tokens_dropped_total\{.*\} [1-9]/m);
    expect(metrics).toMatch(new RegExp(`^bungee_decisions_total\\{.*="${elastic.decidedBy}".*\\} 1$`, 'm'));
  });

  test('a prompt level by number is compressed to, at the full level', async () => {
    const served = await start(null);
    const { elastic } = await chat(served, { elastic: { prompt_level: 0.6 } });
    expect(elastic).toMatchObject({
      decidedBy: 'request',
      strategy: { promptLevel: 0.6, modelLevel: 100 },
    });
    expect(elastic.keptTokens).toBeLessThan(elastic.promptTokens);
  });

  test.each<[string, object, string]>([
    ['no SLO', {}, 'no-slo'],
    ['a level by name', { elastic: { level: 40 }, slo: { ttft: 0.3 } }, 'request'],
    ['the whole prompt by number', { elastic: { prompt_level: 1 }, slo: { ttft: 0.9 } }, 'profile'],
    ['log-probabilities', { logprobs: true, slo: { ttft: 0.3 } }, 'profile'],
  ])('%s: the TLM is not asked and the prompt is whole', async (_name, body, decidedBy) => {
    const { elastic } = await chat(await start(SLOW), body);
    expect(elastic).toMatchObject({ decidedBy, tlm: null, strategy: { promptLevel: 1 } });
    expect(elastic.keptTokens).toBe(elastic.promptTokens);
  });

  test('raw prompts and pinned levels are never compressed', async () => {
    const served = await start(SLOW);
    const prompt = `${messages[0]?.content} ${QUESTION}`;
    for (const extra of [{}, { echo: true, logprobs: 1 }]) {
      const slo = { ttft: 0.3 };
      const response = await served.post('/v1/completions', { prompt, max_tokens: 1, slo, ...extra });
      const { elastic } = (await response.json()) as Answer;
      expect(elastic).toMatchObject({ tlm: null, strategy: { promptLevel: 1 } });
      expect(elastic.keptTokens).toBe(elastic.promptTokens);
    }
    await served.post('/level', { level: 60 });
    const { elastic } = await chat(served, { slo: { ttft: 0.3 } });
    expect(elastic).toMatchObject({
      decidedBy: 'pinned',
      tlm: null,
      strategy: { promptLevel: 1, modelLevel: 60 },
    });
  });

  test('a question alone keeps its tokens; the TLM is not asked and the profile decides', async () => {
    const { elastic } = await chat(await start(SLOW), {
      messages: messages.slice(3),
      slo: { ttft: 0.9, tpot: 0.9 },
    });
    expect(elastic).toMatchObject({ decidedBy: 'profile', tlm: null, strategy: { promptLevel: 1 } });
    expect(elastic.keptTokens).toBe(elastic.promptTokens);
  });
});

describe('the guard', () => {
  const FAST: Pace = { tokenMs: 0.0001, tpotMs: 0.0001 };

  test.each([true, false])('corrects predictions by what it measures: %s', async (guardCorrection) => {
    const served = await start(FAST, { guardCorrection });
    for (let i = 0; i < 3; i++) await chat(served, { max_tokens: 6 });
    const { elastic } = await chat(served, { slo: { ttftMs: 60_000 } });
    expect(elastic.correction.ttft > 2).toBe(guardCorrection);
    expect(elastic.correction.tpot > 2).toBe(guardCorrection);
    const profile = await served.post('/profile', { mode: 'quick' });
    expect(profile.status).toBe(200);
    await profile.arrayBuffer();
    expect((await chat(served, { slo: { ttftMs: 60_000 } })).elastic.correction).toEqual({
      ttft: 1,
      tpot: 1,
    });
  });

  test('lowers the level inside of a request whose TPOT runs over its bound, and goes on', async () => {
    const served = await start(null);
    const { id, elastic } = await chat(served, { slo: { tpotMs: 0.001 }, max_tokens: 200 });
    expect(elastic).toMatchObject({ decidedBy: 'no-profile', strategy: { modelLevel: 100 } });
    const events = ofRequest(await readEvents(served, -1, finished(id)), id);
    const switched = events.flatMap((event) => (event.type === 'level-switched' ? [event] : []));
    expect(switched[0]).toMatchObject({ from: 100, to: 90, reason: 'tpot-drift' });
    expect(events.filter(({ type }) => type === 'token')).toHaveLength(200);
    const metrics = await (await served.call('/metrics')).text();
    expect(metrics).toMatch(new RegExp(`^bungee_levels_lowered_total\\{.*\\} ${switched.length}$`, 'm'));
  });

  test('leaves a level alone that was asked for', async () => {
    const served = await start(null);
    const { id } = await chat(served, { slo: { tpotMs: 0.001 }, elastic: { level: 100 }, max_tokens: 100 });
    const events = ofRequest(await readEvents(served, -1, finished(id)), id);
    expect(events.filter(({ type }) => type === 'level-switched')).toEqual([]);
  });
});

describe('a TLM that fails', () => {
  const onQuestion = (action: string): string => `
    const on = parentPort.on.bind(parentPort);
    parentPort.on = (name, listener) => on(name, (message) => {
      if (message.kind === 'tlm') { ${action} } else listener(message);
    });`;

  test('at run time costs its advice only, and is logged once', async () => {
    const broken = 'listener({ ...message, question: { ...message.question, tokens: ["no number"] } });';
    const served = await start(SLOW, { workerPrelude: onQuestion(broken) });
    for (let i = 0; i < 2; i++) {
      const { elastic } = await chat(served, { slo: { ttft: 0.5 } });
      expect(elastic).toMatchObject({ decidedBy: 'profile', tlm: null, strategy: { promptLevel: 1 } });
    }
    expect(line(served, 'serving without the TLM')).toBe(1);
  });

  test('and takes the worker with it: the request is served by the next one', async () => {
    const deadly = `setImmediate(() => { throw new Error('made to die'); });`;
    const served = await start(SLOW, { workerPrelude: onQuestion(deadly) });
    const { elastic } = await chat(served, { slo: { ttft: 0.5 } });
    expect(elastic).toMatchObject({ decidedBy: 'profile', strategy: { promptLevel: 1 } });
    expect(line(served, 'engine worker died')).toBe(1);
  });

  const copyOf = (): TinyBundle => {
    const dir = join(bundle.newHome(), 'bundle');
    cpSync(bundle.dir, dir, { recursive: true });
    return { ...bundle, dir };
  };

  test.each(['tlm.onnx', 'tlm.bin'])('in its file %s: verification names it', async (file) => {
    const copy = copyOf();
    writeFileSync(join(copy.dir, file), readFileSync(join(copy.dir, file)).fill(7, 40, 44));
    agent = await startTestAgent(copy, { dontWait: true });
    const loaded = await agent.agent.loaded;
    expect(loaded).toMatchObject({ ok: false, failure: { code: 'bundle-corrupt' } });
    expect(loaded.ok ? '' : loaded.failure.message).toContain(file);
  });

  test('because the runtime refuses its graph: prompts are served whole, and it is said', async () => {
    const copy = copyOf();
    const bytes = Buffer.from('no graph');
    writeFileSync(join(copy.dir, 'tlm.onnx'), bytes);
    const files = copy.manifest.files.map((file) =>
      file.path === 'tlm.onnx'
        ? { ...file, sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
        : file,
    );
    writeFileSync(join(copy.dir, MANIFEST_FILE), JSON.stringify({ ...copy.manifest, files }));
    agent = await startTestAgent(copy);
    expect(healthSchema.parse(await (await agent.call('/health')).json()).hasTlm).toBe(false);
    expect(line(agent, 'prompts are served whole')).toBe(1);
    const { elastic } = await chat(agent, { slo: { ttft: 0.5 } });
    expect(elastic).toMatchObject({ tlm: null, strategy: { promptLevel: 1 } });
  });
});
