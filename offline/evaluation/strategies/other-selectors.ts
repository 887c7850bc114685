import { seededRandom } from '../../../core/random.ts';
import { firstWords, randomWords, selfInformation, wordsByScore } from '../../tlm/selectors.ts';
import type { LogitsSource } from '../logits-source.ts';
import type { OtherSelector } from './judge-request.ts';
import type { StrategyRequest } from '../../tlm/requests/strategy-request.ts';

function seedOf(id: string): number {
  let seed = 7;
  for (const character of id) seed = (Math.imul(seed, 31) + (character.codePointAt(0) ?? 0)) >>> 0;
  return seed;
}

/**
 * What the score head is compared with.
 *
 * @param full gives self-information
 */
export function otherSelectors(full: LogitsSource): OtherSelector[] {
  const information = new Map<string, Promise<Float32Array>>();
  const informationOf = ({ id, prompt }: StrategyRequest): Promise<Float32Array> => {
    const known = information.get(id) ?? selfInformation(full, prompt.tokens);
    information.set(id, known);
    return known;
  };
  return [
    {
      name: 'random',
      scores: ({ id, prompt }) => Promise.resolve(randomWords(prompt, seededRandom(seedOf(id)))),
    },
    {
      name: 'self-information',
      scores: async (request) => wordsByScore(request.prompt, await informationOf(request)),
    },
    { name: 'first-tokens', scores: ({ prompt }) => Promise.resolve(firstWords(prompt)) },
  ];
}
