import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unwrap } from '../../core/result.ts';
import {
  DEFAULT_LIMITS,
  evaluateLevels,
  openModelText,
  readEvaluationSet,
} from '../../offline/evaluation/index.ts';
import { openEvaluationLab, type EvaluationLab } from './support/evaluation-lab.ts';

let lab: EvaluationLab;
beforeAll(async () => {
  lab = await openEvaluationLab();
});
afterAll(() => lab.close());

describe('levels of a bundle', () => {
  it('are the same whether all are measured or one', async () => {
    const options = { ...lab.int8, set: lab.proseSet() };
    const all = unwrap(await evaluateLevels(options));
    const one = unwrap(await evaluateLevels({ ...options, levels: [40] }));
    expect(one.levels).toEqual(all.levels.filter(({ level }) => level === 40));
  });

  it("diverge from another bundle's full level where that is named", async () => {
    const { f32, int8 } = lab;
    const options = { ...int8, set: lab.proseSet() };
    const own = unwrap(await evaluateLevels(options));
    const other = unwrap(await evaluateLevels({ ...options, reference: f32 }));
    expect(own.reference).toBeNull();
    expect(other.reference?.kl['prose']).toBeCloseTo(0, 6);
    expect(other.levels.at(-1)?.kl['prose']).toBeGreaterThan(1e-7);
    const perplexities = ({ levels }: typeof own) => levels.map(({ perplexity }) => perplexity['prose']);
    expect(perplexities(other)).toEqual(perplexities(own));
  });

  it('are not compared with a bundle of another vocabulary', async () => {
    const { f32, int8 } = lab;
    const foreign = { ...f32.manifest, model: { ...f32.manifest.model, vocabSize: 300 } };
    const reference = { folder: f32.folder, manifest: foreign };
    const result = await evaluateLevels({ ...int8, set: lab.proseSet(), reference });
    expect(result).toMatchObject({ ok: false, failure: { code: 'other-model' } });
  });

  it('see no window longer than the model takes', () => {
    const { folder, manifest } = lab.int8;
    const text = unwrap(openModelText(folder, manifest));
    const limits = { ...DEFAULT_LIMITS, windowTokens: 4096 };
    const inputs = { texts: [{ name: 'prose', path: lab.at('prose.txt') }] };
    const [part] = unwrap(readEvaluationSet(inputs, text, limits)).texts;
    expect(part?.windows[0]?.ids).toHaveLength(manifest.model.contextLength);
    expect(part?.about.sampling).toContain(`${manifest.model.contextLength} tokens`);
  });

  it('can be cancelled', async () => {
    const { folder, manifest } = lab.int8;
    const abort = new AbortController();
    const options = { folder, manifest, set: lab.proseSet() };
    const result = await evaluateLevels(options, () => abort.abort(), abort.signal);
    expect(result).toMatchObject({ ok: false, failure: { code: 'cancelled' } });
  });
});
