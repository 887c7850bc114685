import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import { totalParams } from '../../core/model-config.ts';
import { unwrap } from '../../core/result.ts';
import { measureQuality } from '../../offline/bundle/measure-quality.ts';
import { BUILT_IN_CONFIG, BUILT_IN_MODEL } from '../../offline/built-in/built-in-model.ts';
import { LICENSED_TEXTS } from '../../offline/built-in/licensed-text.ts';
import { builtInNotice, noticeFile } from '../../offline/built-in/licence-notice.ts';
import { elasticize, openSourceModel, readRecipe, type SourceModel } from '../../offline/index.ts';
import { temporaryFolder } from './support/test-files.ts';

const FOLDER = join(import.meta.dirname, '..', '..', 'assets', 'built-in');
const open = async (): Promise<SourceModel> =>
  unwrap(await openSourceModel(join(FOLDER, `${BUILT_IN_MODEL}.Q8_0.gguf`)));

const asked = (question: string, answer: string): string =>
  `<|im_start|>user\n${question}<|im_end|>\n<|im_start|>assistant\n${answer}<|im_end|>\n`;

/** Talks of the kinds that it was trained on, written for this test. */
const TALKS = [
  asked(
    'Anna has 5 boxes of apples. Each box has 12 apples. She gives 10 apples to her brother. How many apples does she have left?',
    'Anna has 5*12=<<5*12=60>>60 apples in total.\nAfter giving 10 apples to her brother she has 60-10=<<60-10=50>>50 apples left.\n#### 50',
  ),
  asked(
    'Pretend you are a captain of a ship that is lost at sea. Tell your crew what to do.',
    'Listen to me, my friends. The storm has passed, but we have lost our way. We must stay calm and work together. I want two of you to check the food and the water, and the rest of you will help me to repair the sails.',
  ),
  asked(
    'Tom works 8 hours a day for 5 days a week. He is paid $20 per hour. How much money does he make in 4 weeks?',
    'Tom works 8*5=<<8*5=40>>40 hours a week.\nHe makes 40*20=$<<40*20=800>>800 a week.\nIn 4 weeks he makes 800*4=$<<800*4=3200>>3200.\n#### 3200',
  ),
].join('');

describe('the built-in model', () => {
  it('says what it is and what it was trained on', async () => {
    const model = await open();
    expect(model.name).toBe(BUILT_IN_MODEL);
    expect(model.config).toEqual({ ...BUILT_IN_CONFIG, rmsNormEps: Math.fround(BUILT_IN_CONFIG.rmsNormEps) });
    expect(totalParams(model.config)).toBeGreaterThan(2.5e6);
    expect(totalParams(model.config)).toBeLessThan(3.5e6);
    expect(model.licence).toEqual({ spdx: 'apache-2.0', notice: builtInNotice() });
    const notice = readFileSync(join(FOLDER, 'NOTICE'), 'utf8');
    expect(notice).toBe(noticeFile());
    for (const { title, licence } of LICENSED_TEXTS) {
      expect(notice).toContain(title);
      expect(model.licence.notice).toContain(`${title} (${licence})`);
    }
    model.close();
  });

  it('takes at most 5 MB of the repository', () => {
    const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' });
    const bytes = files.reduce((sum, name) => sum + statSync(join(FOLDER, name)).size, 0);
    expect(bytes).toBeLessThan(5e6);
  });

  it('has a vocabulary of its own that gives text back', async () => {
    const model = await open();
    const tokenizer = new Tokenizer(JSON.parse(model.tokenizer.json), {});
    const text = '<|im_start|>user\nWhat’s 12 × 7 — naïve?\n<|im_end|>';
    const { ids } = tokenizer.encode(text);
    expect(Math.max(...ids)).toBeLessThan(model.config.vocabSize);
    expect(tokenizer.decode(ids, { skip_special_tokens: false })).toBe(text);
    model.close();
  });

  it(
    'becomes, by its recipe, a bundle whose levels predict text worse the smaller they are',
    { timeout: 120_000 },
    async () => {
      const model = await open();
      const recipe = unwrap(await readRecipe(join(FOLDER, 'recipe')));
      const out = join(temporaryFolder(), 'bundle');
      const manifest = unwrap(await elasticize({ model, out, variant: 'int8', recipe }));
      expect(manifest.name).toBe(BUILT_IN_MODEL);
      const tokenizer = new Tokenizer(JSON.parse(model.tokenizer.json), {});
      const graph = join(out, manifest.graph.zeroRow);
      const { ids } = tokenizer.encode(TALKS);
      const measured = await measureQuality(graph, model.config, manifest, [ids], 'talks', () => undefined);
      const perplexity = measured
        .sort((a, b) => b.level - a.level)
        .map(({ quality }) => quality?.perplexity ?? Number.NaN);
      // A model that knows nothing has the vocabulary's size, one that knows how often tokens come about a tenth.
      expect(perplexity[0]).toBeLessThan(100);
      for (const [i, value] of perplexity.entries())
        if (i > 0) expect(value).toBeGreaterThan(0.95 * (perplexity[i - 1] ?? 0));
      expect(perplexity.at(-1)).toBeGreaterThan(1.3 * (perplexity[0] ?? 0));
      model.close();
    },
  );
});
