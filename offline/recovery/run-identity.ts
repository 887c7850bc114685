import { createHash } from 'node:crypto';
import type { LayerOrder } from '../../core/recipe-blobs.ts';
import { seededRandom, shuffled } from '../../core/random.ts';

/** What a run depends on, as a short text: files of other runs are not taken for its own. */
export function runHash(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

/** A generator that depends on a text alone, so that a resumed run draws what an uninterrupted one does. */
export function randomOf(text: string): () => number {
  return seededRandom(createHash('sha256').update(text).digest().readUInt32LE(0));
}

/** Places 0 ... count - 1 in an order that depends on the text. */
export function shuffledPlaces(count: number, text: string): number[] {
  return shuffled(
    Array.from({ length: count }, (_, i) => i),
    randomOf(text),
  );
}

/** Of a model's weights and of the order of their units. */
export function orderedModelHash(
  { sha256 }: { readonly sha256: string },
  orders: readonly LayerOrder[],
): string {
  return createHash('sha256').update(sha256).update(JSON.stringify(orders)).digest('hex');
}
