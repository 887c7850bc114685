import { seededRandom } from '../../core/random.ts';
import { ok, type Result } from '../../core/result.ts';
import type { TokenizerSource } from '../sources/source-model.ts';
import { DOMAINS, openCorpus, type Corpus, type CorpusDocument, type Domain } from './corpus.ts';
import { documentEncoder, type DocumentEncoder, type LossWeights } from './document-encoder.ts';
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
const LENGTH_SAMPLE = 16;
/** A talk is cut only where at least this many of its tokens fit. */
const SMALLEST_CUT = 64;
/** Documents tried for a rest of a window before running text fills it. */
const TRIES = 4;

interface Drawable {
  readonly documents: readonly CorpusDocument[];
  /** Expected tokens it gives, relative to the others; over the mean length: its chance. */
  readonly share: number;
  chance: number;
}

function evenSample<T>(items: readonly T[], count: number): T[] {
  const step = Math.max(1, items.length / count);
  return items.filter((_, at) => Math.floor(at / step) !== Math.floor((at - 1) / step));
}

/** Mean tokens that a document adds to a window; 0 where none fits. */
function meanTokens(documents: readonly CorpusDocument[], encoder: DocumentEncoder, room: number): number {
  const lengths = evenSample(documents, LENGTH_SAMPLE)
    .map((document) => ({ document, tokens: encoder.encodeDocument(document).ids.length }))
    .filter(({ document, tokens }) => document.kind === 'chat' || tokens <= room)
    .map(({ tokens }) => Math.min(tokens, room));
  return lengths.length === 0 ? 0 : lengths.reduce((sum, tokens) => sum + tokens, 0) / lengths.length;
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

  const prose: CorpusDocument[] = [];
  const drawables: Drawable[] = [];
  const domainShares = new Map<Domain, number>();
  for (const { domain, share, slices } of corpus.value.sources) {
    if (domain === 'prose') prose.push(...slices.training);
    domainShares.set(domain, (domainShares.get(domain) ?? 0) + share);
  }
  const present = DOMAINS.filter((domain) => domainShares.has(domain) && mix[domain] > 0);
  const total = present.reduce((sum, domain) => sum + mix[domain], 0);
  for (const { domain, share, slices } of corpus.value.sources) {
    if (domain === 'prose' || !present.includes(domain) || share === 0) continue;
    const tokens = meanTokens(slices.training, encoder, windowTokens);
    if (tokens === 0) continue;
    const wanted = (mix[domain] / total) * (share / (domainShares.get(domain) ?? 1));
    drawables.push({ documents: slices.training, share: wanted, chance: wanted / tokens });
  }
  const chances = drawables.reduce((sum, { chance }) => sum + chance, 0);
  for (const drawable of drawables) drawable.chance /= chances;
  const proseShare = drawables.length === 0 ? 1 : total === 0 ? 0 : mix.prose / total;
  const proseDrawer = new ProseDrawer(prose);

  const drawDocument = (random: () => number): CorpusDocument | null => {
    let at = random();
    for (const { documents, chance } of drawables) {
      if (at < chance) return documents[Math.floor(random() * documents.length)] ?? null;
      at -= chance;
    }
    return null;
  };
  const fillWithDocuments = (packer: WindowPacker, random: () => number): void => {
    let misses = 0;
    while (packer.room > 0 && misses < TRIES) {
      const document = drawDocument(random);
      const encoded = document === null ? null : encoder.encodeDocument(document);
      const fits =
        encoded !== null &&
        (encoded.ids.length <= packer.room || (document?.kind === 'chat' && packer.room >= SMALLEST_CUT));
      if (fits) packer.add(encoded);
      else misses += 1;
    }
  };
  const window = (index: number): TrainingWindow => {
    const random = seededRandom(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
    const packer = new WindowPacker(windowTokens);
    if (random() >= proseShare) fillWithDocuments(packer, random);
    while (packer.room > 0) packer.add(proseDrawer.draw(encoder, random, packer.room));
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
