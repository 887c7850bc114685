import { seededRandom } from '../../core/random.ts';
import { ok, type Result } from '../../core/result.ts';
import type { TokenizerSource } from '../sources/source-model.ts';
import { DOMAINS, openCorpus, type Corpus, type Domain } from './corpus.ts';
import { documentEncoder, type LossWeights } from './document-encoder.ts';
import { fitsRoom, mixChances, pickByChance, TRIES } from './mix-chances.ts';
import { ProseDrawer } from './prose-reader.ts';
import { WindowPacker, type TrainingWindow } from './window-packer.ts';

/** Shares of training tokens by domain; they need not add up to 1. */
export type Mix = Readonly<Partial<Record<Domain, number>>>;

/** Running text keeps the language, talks the manner, and the tasks' training splits the accuracy. */
export const DEFAULT_MIX: Readonly<Record<Domain, number>> = {
  prose: 0.35,
  instructions: 0.3,
  'multiple-choice': 0.2,
  'ui-steps': 0.15,
};

export interface StreamOptions {
  readonly windowTokens: number;
  readonly seed: number;
  readonly mix?: Mix;
  readonly lossWeights?: LossWeights;
}

/** An endless sequence of windows, each a pure function of seed and index, so that training can be resumed anywhere. */
export interface TrainingStream {
  /** What it is made of, for people. */
  readonly name: string;
  /** Over all files read. */
  readonly sha256: string;
  readonly files: Corpus['files'];
  readonly window: (index: number) => TrainingWindow;
}

/** Documents whose lengths are measured to turn shares of tokens into chances of being drawn. */
const LENGTH_SAMPLE = 24;

function evenSample<T>(items: readonly T[], count: number): T[] {
  const step = Math.max(1, items.length / count);
  return items.filter((_, at) => Math.floor(at / step) !== Math.floor((at - 1) / step));
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/**
 * Training windows for recovery: whole windows of running text, and windows packed with talks, multiple-choice items and
 * UI steps in the mix that is asked for (domains without data share out theirs). Draws only from the training slice.
 * Items are never cut, so every right choice is seen; talks may be cut at a window's end; running text fills what is
 * left. Failures: those of {@link openCorpus} and {@link documentEncoder}.
 */
export function recoveryStream(
  tokenizer: TokenizerSource,
  dataFolder: string | null,
  options: StreamOptions,
): Result<TrainingStream> {
  const corpus = openCorpus(dataFolder);
  if (!corpus.ok) return corpus;
  const opened = documentEncoder(tokenizer, options.lossWeights);
  if (!opened.ok) return opened;
  const encoder = opened.value;
  const { windowTokens, seed } = options;
  const mix = { ...DEFAULT_MIX, ...options.mix };

  const domainShares = new Map<Domain, number>();
  for (const { domain, share } of corpus.value.sources)
    domainShares.set(domain, (domainShares.get(domain) ?? 0) + share);
  const present = DOMAINS.filter((domain) => domainShares.has(domain) && mix[domain] > 0);
  const total = present.reduce((sum, domain) => sum + mix[domain], 0);
  const drawables = corpus.value.sources.flatMap(({ domain, share, slices }) => {
    if (domain === 'prose' || !present.includes(domain)) return [];
    const mayBeCut = domain === 'instructions';
    const tokens = evenSample(slices.training, LENGTH_SAMPLE)
      .map((document) => encoder.encodeDocument(document).ids.length)
      .filter((length) => mayBeCut || length <= windowTokens);
    const wanted = (mix[domain] * share) / (domainShares.get(domain) ?? 1);
    return tokens.length === 0 ? [] : [{ documents: slices.training, tokens, mayBeCut, share: wanted }];
  });
  const proseShare = total === 0 ? 1 : mix.prose / total;
  const chances = mixChances(drawables, proseShare, windowTokens);
  const prose = new ProseDrawer(
    corpus.value.sources.flatMap(({ domain, slices }) => (domain === 'prose' ? slices.training : [])),
  );

  const fillWithDocuments = (packer: WindowPacker, random: () => number): void => {
    let misses = 0;
    while (packer.room > 0 && misses < TRIES) {
      const drawable = drawables[pickByChance(chances.draw, random)];
      const document = drawable?.documents[Math.floor(random() * drawable.documents.length)];
      if (drawable === undefined || document === undefined) return;
      const encoded = encoder.encodeDocument(document);
      if (fitsRoom(encoded.ids.length, drawable.mayBeCut, packer.room)) packer.add(encoded);
      else misses += 1;
    }
  };
  const window = (index: number): TrainingWindow => {
    const random = seededRandom(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
    const packer = new WindowPacker(windowTokens);
    if (random() >= chances.proseWindow) fillWithDocuments(packer, random);
    while (packer.room > 0) packer.add(prose.draw(encoder, random, packer.room));
    return packer.finish();
  };
  const shares = present.map((domain) => `${percent(mix[domain] / total)} ${domain}`).join(', ');
  const names = corpus.value.sources.filter(({ domain }) => present.includes(domain));
  return ok({
    name: `${names.map(({ name }) => name).join(', ')}: training slice; ${shares}`,
    sha256: corpus.value.sha256,
    files: corpus.value.files,
    window,
  });
}
