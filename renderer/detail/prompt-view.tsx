import { memo, useMemo, useState } from 'react';
import { keptText } from '../format/decision.ts';
import { formatCount } from '../format/units.ts';
import type { PromptWord, RequestRow } from '../live/request-row.ts';
import { Button } from '../widgets/button.tsx';
import { HintField } from '../widgets/hint-field.tsx';
import { Term } from '../widgets/term.tsx';

/** Words of a long prompt that are shown at first. */
const FIRST_WORDS = 240;
/** A prompt that is only a little longer is shown whole. */
const SLACK_WORDS = 40;
/** What is always kept is told as one word, however long; its hint does not repeat it. */
const NAME_CHARS = 40;

/** The prompt as the model got it: every word in order, those left out struck through. */
export function PromptView({ row }: { readonly row: RequestRow }) {
  const [all, setAll] = useState(false);
  const { words, decision } = row;
  const kept = decision === null ? null : keptText(decision);
  if (words === null)
    return (
      <div className="prompt">
        <p className="muted">{noWordsReason(row)}</p>
      </div>
    );
  const long = words.length > FIRST_WORDS + SLACK_WORDS;
  const dropped = words.filter((word) => !word.kept).length;
  return (
    <div className="prompt">
      <div className="prompt-legend">
        <span>
          <Term id="promptLevel">Prompt</Term>: {kept ?? 'tokens not known'}; {formatCount(dropped)} of{' '}
          {formatCount(words.length)} words left out
        </span>
        <span>kept</span>
        <del className="dropped">left out</del>
        <span className="fixed">always kept</span>
        {long ? (
          <Button pressed={all} onClick={() => setAll(!all)}>
            {all ? 'Show less' : `Show all ${formatCount(words.length)} words`}
          </Button>
        ) : null}
      </div>
      <Words words={words} shown={long && !all ? FIRST_WORDS : words.length} />
    </div>
  );
}

function noWordsReason({ detailsDropped, decision }: RequestRow): string {
  if (decision === null) return 'Nothing is decided yet: the request waits.';
  const kept = keptText(decision);
  const { promptTokens, keptTokens, tlm } = decision;
  if (promptTokens > 0 && keptTokens >= promptTokens)
    return `The prompt was ${kept ?? 'kept whole'}${tlm === null ? '; no TLM was asked' : ''}.`;
  const known = kept === null ? '' : `The prompt was compressed: ${kept}. `;
  return detailsDropped
    ? `${known}The window keeps the words of the newest requests; the run’s folder has them all.`
    : `${known}Its words are not known: the window was opened later, or the agent is an older one.`;
}

const Words = memo(function Words({
  words,
  shown,
}: {
  readonly words: readonly PromptWord[];
  readonly shown: number;
}) {
  const ranks = useMemo(() => scoreRanks(words), [words]);
  return (
    <HintField
      className="prompt-words selectable"
      label="The prompt, words left out struck through. Arrow keys go from word to word and tell its score."
      textOf={(item) => wordText(words[item], ranks.get(item) ?? 0, ranks.size)}
    >
      {words.slice(0, shown).map((word, i) => {
        const Tag = word.kept ? 'span' : 'del';
        const kind = word.kept ? (word.score === null ? 'fixed' : 'kept') : 'dropped';
        // A space before the word is not struck through with it.
        const space = /^\s*/u.exec(word.text)?.[0] ?? '';
        if (space === word.text) return space;
        return [
          space,
          <Tag key={i} className={kind} data-hint={i} tabIndex={-1}>
            {word.text.slice(space.length)}
          </Tag>,
        ];
      })}
      {shown < words.length ? ' …' : null}
    </HintField>
  );
});

/** Place of each scored word by its score, 1 = the highest. */
function scoreRanks(words: readonly PromptWord[]): ReadonlyMap<number, number> {
  const scored = words.flatMap(({ score }, i) => (score === null ? [] : [{ i, score }]));
  return new Map(scored.sort((a, b) => b.score - a.score).map(({ i }, rank) => [i, rank + 1]));
}

/** A score is good for comparing within a prompt: so its place among the others is told too. */
function wordText(word: PromptWord | undefined, rank: number, of: number): string {
  if (word === undefined) return '';
  const text = word.text.trim();
  const name = text.length > NAME_CHARS ? 'This part' : `“${text}”`;
  if (word.score === null) return `${name}: always kept, part of the question or the template`;
  const score = word.score.toFixed(2).replace('-', '−');
  return `${name}: score ${score}, place ${rank} of ${of}, ${word.kept ? 'kept' : 'left out'}`;
}
