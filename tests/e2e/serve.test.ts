import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { elasticReportSchema, type ElasticReport } from '../../core/strategy.ts';
import { Workplace } from './project.ts';

const lineSchema = z.object({ baseUrl: z.url(), token: z.string(), model: z.string(), serial: z.string() });

/** The default model, fetched and elasticized on first use, behind the stock client. */
describe('npm run serve with the default model', () => {
  let place: Workplace;
  let client: OpenAI;
  let model = '';
  beforeAll(async () => {
    place = await Workplace.open({ withAdb: true });
    // On a busy computer the guard may rightly find nothing feasible; here levels are to follow the profile.
    const child = place.spawn('serve', ['--json', '--no-guard-correction']);
    const line = lineSchema.parse(JSON.parse(await place.lineOf(child, 'stdout', /^\{/)));
    model = line.model;
    client = new OpenAI({ baseURL: line.baseUrl, apiKey: line.token, maxRetries: 0 });
  }, 400_000);
  afterAll(() => place.close());

  async function elasticOf(slo: object): Promise<ElasticReport> {
    const body = {
      model,
      messages: [{ role: 'user' as const, content: 'Name three colours.' }],
      max_tokens: 6,
      slo,
    };
    const answer: unknown = await client.chat.completions.create(body);
    return z.object({ elastic: elasticReportSchema }).parse(answer).elastic;
  }

  it('knows the capital of France at the full level', async () => {
    const prompt = 'The capital of France is';
    const { choices } = await client.completions.create({ model, prompt, temperature: 0, max_tokens: 4 });
    expect(choices[0]?.text).toContain('Paris');
  });

  it('streams a chat completion with usage', async () => {
    const stream = await client.chat.completions.create({
      model,
      messages: [{ role: 'user', content: 'What is the capital of France?' }],
      temperature: 0,
      max_tokens: 16,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let usage: OpenAI.CompletionUsage | null | undefined = null;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage ?? usage;
    }
    expect(text.length).toBeGreaterThan(10);
    expect(usage?.completion_tokens).toBeGreaterThan(3);
    expect(usage?.total_tokens).toBe((usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0));
  });

  it('serves a loose and a tight SLO at different levels', async () => {
    const loose = await elasticOf({ ttft: 1, tpot: 1 });
    const tight = await elasticOf({ ttft: 0.2, tpot: 0.5 });
    expect(loose.strategy.modelLevel).toBeGreaterThan(tight.strategy.modelLevel);
    expect(loose.decidedBy).toBe('profile');
    expect(tight.limits?.ttftMs).toBeLessThan(loose.limits?.ttftMs ?? 0);
  });

  it.each([{ ttft: 0 }, { tpot: -1 }, { ttft: 'fast' }, { speed: 1 }])(
    'refuses the SLO %j with 400',
    async (slo) => {
      const body = { model, messages: [{ role: 'user' as const, content: 'Hi' }], slo };
      await expect(client.chat.completions.create(body)).rejects.toMatchObject({ status: 400 });
    },
  );
});
