import { z } from 'zod';
import { parseJsonWith } from '../../core/parse.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { MultipleChoiceItem } from './multiple-choice-prompt.ts';
import { readDataFile } from './read-records.ts';

/** One step of a mobile UI task: which element of the screen to use next. */
export interface DroidTaskStep {
  readonly app: string;
  readonly task: string;
  readonly item: MultipleChoiceItem;
  /** What the step types into the element, where it types. */
  readonly text: string | null;
}

/** Apps whose tasks are never trained on: they measure what the agent does in apps it has not seen. */
export const UNSEEN_APPS: readonly string[] = ['messenger', 'dialer'];

const tasksSchema = z.record(
  z.string(),
  z.record(
    z.string(),
    z.object({
      task: z.string().min(1),
      profile: z.array(
        z.object({
          state: z.string(),
          history: z.string(),
          label: z.tuple([z.int(), z.string().nullable()]),
        }),
      ),
    }),
  ),
);

interface ScreenElement {
  readonly id: number;
  /** HTML without the id: history lines have none either, and an id tells nothing of what an element does. */
  readonly html: string;
}

/** Elements begin on a line of their own, but their text may go over several. */
function screenElements(state: string): ScreenElement[] {
  const elements: ScreenElement[] = [];
  for (const part of state.split(/\n(?=\s*<\w+ id=\d+)/)) {
    const id = /^\s*<\w+ id=(\d+)/.exec(part)?.[1];
    if (id === undefined) continue;
    const html = part
      .replace(/ id=\d+/, '')
      .replace(/\s*\n\s*/g, ' ')
      .trim();
    elements.push({ id: Number(id), html });
  }
  return elements;
}

/** The prompt of reference form: task, what was done, what is on the screen, and the question. */
export function droidTaskContext(task: string, history: string, elements: readonly string[]): string {
  return [
    `Task: ${task.trim()}`,
    'Previous UI actions:',
    history.trim(),
    'Current UI:',
    ...elements,
    'The next UI element to tap is:',
  ].join('\n');
}

/**
 * Steps of a DroidTask file (tasks by app) as multiple choice over the elements of the screen; elements that read
 * alike are one choice. Steps labelled -1 (task done) have no element and are left out. Failures:
 * `data-unreadable`, `data-empty`, `invalid-json`, `invalid-input`.
 */
export function readDroidTask(path: string): Result<DroidTaskStep[]> {
  const text = readDataFile(path);
  if (!text.ok) return text;
  const parsed = parseJsonWith(tasksSchema, text.value, path);
  if (!parsed.ok) return parsed;
  const steps: DroidTaskStep[] = [];
  for (const [app, tasks] of Object.entries(parsed.value))
    for (const [key, { task, profile }] of Object.entries(tasks))
      for (const [at, { state, history, label }] of profile.entries()) {
        const [target, typed] = label;
        if (target < 0) continue;
        const elements = screenElements(state);
        const right = elements.find(({ id }) => id === target);
        if (right === undefined)
          return fail(
            'invalid-input',
            `${path}, ${app}, task ${key}, step ${at}: label ${target} is no element of the screen.`,
          );
        const choices = [...new Set(elements.map(({ html }) => html))];
        if (choices.length < 2) continue;
        steps.push({
          app,
          task,
          item: {
            context: droidTaskContext(
              task,
              history,
              elements.map(({ html }) => html),
            ),
            choices,
            gold: choices.indexOf(right.html),
          },
          text: typed === null || typed === 'null' ? null : typed,
        });
      }
  return steps.length === 0 ? fail('data-empty', `${path} holds no steps.`) : ok(steps);
}
