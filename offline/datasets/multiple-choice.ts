import { z } from 'zod';
import { fail, ok, type Result } from '../../core/result.ts';
import { bareQuery, evaluationContext, type MultipleChoiceItem } from './multiple-choice-prompt.ts';
import { readRecords, type PlacedRecord } from './read-records.ts';

const listedSchema = z
  .object({ query: z.string().min(1), choices: z.array(z.string().min(1)).min(2), gold: z.int().min(0) })
  .refine(({ choices, gold }) => gold < choices.length, {
    path: ['gold'],
    message: 'is not the index of a choice',
  });
/** LLM-Adapters: the choices stand inside the instruction. */
const instructedSchema = z.object({ instruction: z.string().min(1), answer: z.string().min(1) });
const recordSchema = z.union([listedSchema, instructedSchema], {
  error: 'neither {query, choices, gold} with gold the index of a choice, nor {instruction, answer}',
});

interface BareItem {
  readonly question: string;
  readonly choices: readonly string[];
  readonly gold: number;
  /** Yes-no questions have no continuation form. */
  readonly alwaysQuestion: boolean;
}

const CHOICES = /^[^:]*:\s*([\s\S]*?)\n\n(Answer1:[\s\S]*?)\n\nAnswer format:/;
const TRUE_OR_FALSE = /^[^:]*true or false, question:\s*([\s\S]*?)\n\nAnswer format: true\/false/;

/** Takes question and choices out of an instruction of LLM-Adapters. */
function takeApart(record: z.infer<typeof instructedSchema>, place: string, path: string): Result<BareItem> {
  const { instruction, answer } = record;
  const bad = (what: string): Result<never> => fail('invalid-input', `${path}, ${place}: ${what}.`);
  const statement = TRUE_OR_FALSE.exec(instruction)?.[1];
  if (statement !== undefined) {
    const gold = ['false', 'true'].indexOf(answer);
    // Evaluation files of BoolQ ask for `no` and `yes`, in this order.
    return gold < 0
      ? bad(`answer "${answer}" is neither true nor false`)
      : ok({ question: statement, choices: ['no', 'yes'], gold, alwaysQuestion: true });
  }
  const match = CHOICES.exec(instruction);
  const [question, list] = [match?.[1], match?.[2]];
  if (question === undefined || list === undefined)
    return bad('the instruction holds neither "Answer1: ..." choices nor a true or false question');
  const choices = list
    .split(/(?:^|\s)Answer\d+:/)
    .slice(1)
    .map((choice) => choice.trim());
  const gold = Number(/^answer(\d+)$/.exec(answer)?.[1] ?? 0) - 1;
  if (choices.length < 2 || choices.includes('')) return bad('the instruction holds an empty choice');
  if (gold < 0 || gold >= choices.length) return bad(`answer "${answer}" is none of the choices`);
  return ok({ question, choices, gold, alwaysQuestion: false });
}

function fromInstructions(
  records: readonly PlacedRecord<z.infer<typeof instructedSchema>>[],
  path: string,
): Result<MultipleChoiceItem[]> {
  const items: BareItem[] = [];
  for (const { value, place } of records) {
    const item = takeApart(value, place, path);
    if (!item.ok) return item;
    items.push(item.value);
  }
  // The form does not say which style its set has; where most entries are no questions (OpenBookQA: 64 %;
  // ARC: 21 %) the set asks for continuations.
  const questions = items.filter(({ question }) => question.trimEnd().endsWith('?')).length;
  const style = questions * 2 >= items.length ? 'question' : 'continuation';
  return ok(
    items.map(({ question, choices, gold, alwaysQuestion }) => ({
      context: evaluationContext(bareQuery(question, alwaysQuestion ? 'question' : style)),
      choices,
      gold,
    })),
  );
}

/**
 * Multiple-choice items of a file: jsonl or json of `{query, choices, gold}` (llm-foundry), or of
 * `{instruction, answer}` with the choices inside the instruction (LLM-Adapters). Contexts follow
 * `multiple-choice-prompt.ts`. Failures: `data-unreadable`, `data-empty`, `invalid-json`, `invalid-input`.
 */
export function readMultipleChoice(path: string): Result<MultipleChoiceItem[]> {
  const records = readRecords<z.infer<typeof recordSchema>>(path, recordSchema);
  if (!records.ok) return records;
  const instructed: PlacedRecord<z.infer<typeof instructedSchema>>[] = [];
  const items: MultipleChoiceItem[] = [];
  for (const { value, place } of records.value)
    if ('query' in value)
      items.push({
        context: evaluationContext(value.query),
        choices: value.choices.map((choice) => choice.trim()),
        gold: value.gold,
      });
    else instructed.push({ value, place });
  if (instructed.length === 0) return ok(items);
  const taken = fromInstructions(instructed, path);
  return taken.ok ? ok([...items, ...taken.value]) : taken;
}
