import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Tokenizer } from '@huggingface/tokenizers';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { elasticReportSchema } from '../../core/strategy.ts';
import { openPlainRuntime, type PlainRuntime } from './support/plain-runtime.ts';
import { startTestAgent, type TestAgent } from './support/start-test-agent.ts';
import { makeTinyBundle, type TinyBundle } from './support/tiny-bundle.ts';

// The stock OpenAI client against the agent, over the random tiny model in f32.

let bundle: TinyBundle;
let agent: TestAgent;
let plain: PlainRuntime;
let tokenizer: Tokenizer;
const messages = [{ role: 'user' as const, content: 'Say something.' }];
const CHATML = '<|im_start|>user\nSay something.<|im_end|>\n<|im_start|>assistant\n';

beforeAll(async () => {
  bundle = await makeTinyBundle('f32');
  agent = await startTestAgent(bundle);
  plain = await openPlainRuntime(bundle.dir, bundle.manifest);
  tokenizer = new Tokenizer(JSON.parse(readFileSync(join(bundle.dir, 'tokenizer.json'), 'utf8')), {});
});
afterAll(async () => {
  await agent.stop();
  await plain.close();
  bundle.remove();
});

function encode(text: string): number[] {
  return tokenizer.encode(text, { add_special_tokens: false }).ids;
}

function logSoftmax(logits: Float32Array, token: number): number {
  const max = Math.max(...logits);
  return (logits[token] ?? 0) - max - Math.log(logits.reduce((sum, value) => sum + Math.exp(value - max), 0));
}

describe('POST /v1/chat/completions', () => {
  test('greedy tokens equal a plain runtime’s on the chat template’s prompt', async () => {
    const promptTokens = encode(CHATML);
    const expected = await plain.greedy(promptTokens, 100, 6);
    const answer = await agent.openai.chat.completions.create({
      model: bundle.manifest.name,
      messages,
      max_completion_tokens: 6,
      temperature: 0,
      logprobs: true,
      top_logprobs: 2,
    });
    const content = answer.choices[0]?.logprobs?.content ?? [];
    const logits = await plain.logits([...promptTokens, ...expected], 100);
    expect(content).toHaveLength(6);
    for (const [i, each] of content.entries()) {
      const token = expected[i] ?? -1;
      expect(each.logprob).toBeCloseTo(
        logSoftmax(logits[promptTokens.length - 1 + i] ?? new Float32Array(), token),
        3,
      );
      expect(each.top_logprobs[0]?.logprob).toBe(each.logprob);
      expect(each.top_logprobs).toHaveLength(2);
    }
    expect(answer.usage).toEqual({
      prompt_tokens: promptTokens.length,
      completion_tokens: 6,
      total_tokens: promptTokens.length + 6,
    });
    expect(answer.choices[0]?.finish_reason).toBe('length');
  });

  test('streams the same text in pieces, then finish reason, elastic and usage', async () => {
    const request = { model: bundle.manifest.name, messages, max_tokens: 8, temperature: 0 };
    const whole = await agent.openai.chat.completions.create(request);
    const stream = await agent.openai.chat.completions.create({
      ...request,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    const pieces = chunks.flatMap((chunk) => chunk.choices.map((choice) => choice.delta.content ?? ''));
    expect(pieces.join('')).toBe(whole.choices[0]?.message.content);
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant');
    expect(chunks.at(-1)?.usage).toEqual(whole.usage);
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
    const closing = chunks.filter((chunk) => chunk.choices[0]?.finish_reason === 'length');
    expect(closing).toHaveLength(1);
    for (const chunk of [closing[0], chunks.at(-1)])
      elasticReportSchema.parse((chunk as unknown as { elastic: unknown }).elastic);
  });

  test('a seed repeats sampled text', async () => {
    const text = async (seed: number): Promise<string | null | undefined> => {
      const answer = await agent.openai.chat.completions.create({
        model: bundle.manifest.name,
        messages,
        max_tokens: 12,
        temperature: 1.5,
        top_p: 0.95,
        seed,
      });
      return answer.choices[0]?.message.content;
    };
    expect(await text(5)).toBe(await text(5));
    expect(await text(5)).not.toBe(await text(6));
  });

  test('a stop string ends the answer before it', async () => {
    const request = { model: bundle.manifest.name, messages, max_tokens: 30, temperature: 1, seed: 3 };
    const whole = (await agent.openai.chat.completions.create(request)).choices[0]?.message.content ?? '';
    const at = [...whole].findIndex((character, i) => i > 3 && /[a-zA-Z0-9%&(]/.test(character));
    const stop = [...whole][at] ?? '';
    const cut = await agent.openai.chat.completions.create({ ...request, stop: [stop] });
    expect(cut.choices[0]?.message.content).toBe(whole.slice(0, whole.indexOf(stop)));
    expect(cut.choices[0]?.finish_reason).toBe('stop');
  });

  test('SLOs <1, 1> and <0.2, 0.5> are served at different levels', async () => {
    const levelFor = async (slo: object): Promise<number> => {
      const response = await agent.post('/v1/chat/completions', { messages, max_tokens: 2, slo });
      const body = (await response.json()) as { elastic: unknown };
      return elasticReportSchema.parse(body.elastic).strategy.modelLevel;
    };
    expect(await levelFor({ ttft: 1, tpot: 1 })).toBe(100);
    expect(await levelFor({ ttft: 0.2, tpot: 0.5 })).toBe(20);
  });
});

describe('POST /v1/completions', () => {
  test('echo with logprobs scores the prompt as a plain runtime does (lm-eval)', async () => {
    const prompt = 'hello world, hello agent';
    const tokens = encode(prompt);
    const answer = await agent.openai.completions.create({
      model: bundle.manifest.name,
      prompt,
      max_tokens: 1,
      temperature: 0,
      echo: true,
      logprobs: 1,
    });
    const scores = answer.choices[0]?.logprobs;
    const logits = await plain.logits(tokens, 100);
    expect(scores?.token_logprobs?.[0]).toBeNull();
    expect(scores?.tokens?.slice(0, -1).join('')).toBe(prompt);
    for (let i = 1; i < tokens.length; i++) {
      const before = logits[i - 1] ?? new Float32Array();
      const token = tokens[i] ?? -1;
      expect(scores?.token_logprobs?.[i]).toBeCloseTo(logSoftmax(before, token), 3);
      const best = Math.max(...Object.values(scores?.top_logprobs?.[i] ?? {}));
      expect(best).toBeCloseTo(logSoftmax(before, before.indexOf(Math.max(...before))), 3);
    }
    expect(scores?.token_logprobs).toHaveLength(tokens.length + 1);
    const offsets = scores?.text_offset ?? [];
    expect(offsets[0]).toBe(0);
    expect(offsets.at(-1)).toBe(prompt.length);
  });

  test('long prompts are scored in chunks with the same result', async () => {
    const tokens = Array.from({ length: 150 }, (_, i) => (i * 29 + 3) % 250);
    const answer = await agent.openai.completions.create({
      model: bundle.manifest.name,
      prompt: tokens,
      max_tokens: 0,
      echo: true,
      logprobs: 0,
    });
    const logits = await plain.logits(tokens, 100);
    const scores = answer.choices[0]?.logprobs?.token_logprobs ?? [];
    expect(scores).toHaveLength(150);
    for (let i = 1; i < tokens.length; i++)
      expect(scores[i]).toBeCloseTo(logSoftmax(logits[i - 1] ?? new Float32Array(), tokens[i] ?? -1), 3);
    expect(answer.usage?.completion_tokens).toBe(0);
  });

  test('text and tokens give the same answer; a list gives one choice each', async () => {
    const request = { model: bundle.manifest.name, max_tokens: 4, temperature: 0 };
    const one = await agent.openai.completions.create({ ...request, prompt: 'hello' });
    const two = await agent.openai.completions.create({
      ...request,
      prompt: [encode('hello'), encode('other')],
    });
    expect(two.choices.map((choice) => choice.index)).toEqual([0, 1]);
    expect(two.choices[0]?.text).toBe(one.choices[0]?.text);
    expect(two.usage?.completion_tokens).toBe(8);
  });

  test('streams echo, text and the end', async () => {
    const request = {
      model: bundle.manifest.name,
      prompt: 'hello',
      max_tokens: 4,
      temperature: 0,
      echo: true,
    };
    const whole = await agent.openai.completions.create(request);
    let text = '';
    const reasons: (string | null)[] = [];
    for await (const chunk of await agent.openai.completions.create({ ...request, stream: true })) {
      text += chunk.choices[0]?.text ?? '';
      reasons.push(chunk.choices[0]?.finish_reason ?? null);
    }
    expect(text).toBe(whole.choices[0]?.text);
    expect(text.startsWith('hello')).toBe(true);
    expect(reasons.filter((reason) => reason !== null)).toEqual(['length']);
  });
});

test('GET /v1/models lists the served model', async () => {
  const models = await agent.openai.models.list();
  expect(models.data.map((model) => model.id)).toEqual([bundle.manifest.name]);
});
