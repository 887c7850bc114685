import { seededRandom, shuffled } from '../../core/random.ts';
import { ok, type Result } from '../../core/result.ts';
import type { TokenizerSource } from '../sources/source-model.ts';
import { DOMAINS, openCorpus, type Corpus, type CorpusDocument, type Domain } from './corpus.ts';
import { documentEncoder, type DocumentEncoder } from './document-encoder.ts';
import type { MultipleChoiceItem } from './multiple-choice-prompt.ts';
import { proseAt } from './prose-reader.ts';
import type { Slice } from './slices.ts';
import { WindowPacker, type TrainingWindow } from './window-packer.ts';

export interface WindowOptions {
  readonly windowTokens: number;
  /** At most this many windows of each domain; fewer where the slice has less text. */
  readonly windowsPerDomain: number;
}

/** Windows of one domain; `name` goes into manifests and quality cards. */
export interface NamedWindows {
  readonly name: string;
  readonly domain: Domain;
  readonly windows: readonly TrainingWindow[];
}

/** Multiple-choice items for measuring accuracy. */
export interface NamedItems {
  readonly name: string;
  readonly domain: Domain;
  readonly items: readonly MultipleChoiceItem[];
}

const SLICE_NAMES: Readonly<Record<Slice, string>> = {
  training: 'training slice',
  selection: 'selection slice',
  heldOut: 'held-out slice',
};

/** Windows evenly spread over running text; neighbours do not overlap. */
function proseWindows(
  encoder: DocumentEncoder,
  text: string,
  { windowTokens, windowsPerDomain }: WindowOptions,
): TrainingWindow[] {
  const windows: TrainingWindow[] = [];
  // Six characters a token: more than English text has, so that a window ends before the next begins.
  const places = Math.max(1, Math.min(windowsPerDomain, Math.floor(text.length / (windowTokens * 6))));
  for (let at = 0; at < places && text !== ''; at++) {
    const packer = new WindowPacker(windowTokens);
    packer.add(proseAt(encoder, text, Math.floor((text.length * at) / places), windowTokens));
    // A text shorter than one window is repeated, as a document of its own each time.
    while (packer.room > 0) packer.add(proseAt(encoder, text, 0, packer.room));
    windows.push(packer.finish());
  }
  return windows;
}

/** Windows packed with whole documents in a fixed shuffled order; longer documents are cut at the window's end. */
function packedWindows(
  encoder: DocumentEncoder,
  documents: readonly CorpusDocument[],
  { windowTokens, windowsPerDomain }: WindowOptions,
): TrainingWindow[] {
  const windows: TrainingWindow[] = [];
  let packer = new WindowPacker(windowTokens);
  for (const document of shuffled(documents, seededRandom(1))) {
    if (windows.length >= windowsPerDomain) break;
    packer.add(encoder.encodeDocument(document));
    if (packer.room > 0) continue;
    windows.push(packer.finish());
    packer = new WindowPacker(windowTokens);
  }
  return windows;
}

function sliceWindows(
  tokenizer: TokenizerSource,
  dataFolder: string | null,
  slice: Slice,
  options: WindowOptions,
): Result<NamedWindows[]> {
  const corpus = openCorpus(dataFolder);
  if (!corpus.ok) return corpus;
  const encoder = documentEncoder(tokenizer);
  if (!encoder.ok) return encoder;
  const named: NamedWindows[] = [];
  for (const domain of DOMAINS) {
    const sources = corpus.value.sources.filter((source) => source.domain === domain);
    const documents = evenly(sources, slice);
    const windows =
      domain === 'prose'
        ? proseWindows(
            encoder.value,
            documents.map((document) => (document.kind === 'prose' ? document.text : '')).join(''),
            options,
          )
        : packedWindows(encoder.value, documents, options);
    if (windows.length === 0) continue;
    const name = `${sources.map((source) => source.name).join(', ')}: ${SLICE_NAMES[slice]}`;
    named.push({ name, domain, windows });
  }
  return ok(named);
}

/** Documents of a domain's files; of each file at most four times the smallest, so that none drowns the rest. */
function evenly(sources: Corpus['sources'], slice: Slice): CorpusDocument[] {
  const sizes = sources.map(({ slices }) => slices[slice].length).filter((size) => size > 0);
  const cap = sources[0]?.domain === 'prose' ? Infinity : 4 * Math.max(50, Math.min(...sizes));
  return sources.flatMap(({ slices }) => slices[slice].slice(0, cap));
}

/**
 * Windows for calibration and importance, a list by domain (prose, instructions, multiple choice, UI steps), from the
 * training slice. Failures: those of {@link openCorpus} and {@link documentEncoder}.
 */
export function calibrationWindows(
  tokenizer: TokenizerSource,
  dataFolder: string | null,
  options: WindowOptions,
): Result<NamedWindows[]> {
  return sliceWindows(tokenizer, dataFolder, 'training', options);
}

/** Windows to choose between variants by: used for nothing else. */
export function selectionWindows(
  tokenizer: TokenizerSource,
  dataFolder: string | null,
  options: WindowOptions,
): Result<NamedWindows[]> {
  return sliceWindows(tokenizer, dataFolder, 'selection', options);
}

/** Windows for published figures: neither trained on nor chosen by. UI steps are of apps that are never trained on. */
export function heldOutWindows(
  tokenizer: TokenizerSource,
  dataFolder: string | null,
  options: WindowOptions,
): Result<NamedWindows[]> {
  return sliceWindows(tokenizer, dataFolder, 'heldOut', options);
}

/** Multiple-choice items and UI steps of a slice, file by file, for accuracy. Failures: those of {@link openCorpus}. */
export function sliceItems(dataFolder: string | null, slice: Slice): Result<NamedItems[]> {
  const corpus = openCorpus(dataFolder);
  if (!corpus.ok) return corpus;
  return ok(
    corpus.value.sources.flatMap(({ name, domain, slices }) => {
      const items = slices[slice].flatMap((document) => (document.kind === 'item' ? [document.item] : []));
      return items.length === 0 ? [] : [{ name: `${name}: ${SLICE_NAMES[slice]}`, domain, items }];
    }),
  );
}
