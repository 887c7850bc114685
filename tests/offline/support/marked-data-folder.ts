import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const count = (n: number): number[] => Array.from({ length: n }, (_, at) => at);

/**
 * A small data folder where words say which document they are of: `w7w` prose, `g7g` talks, `a7a` multiple choice,
 * `dcamera7d` UI steps. Whoever makes it removes it.
 */
export function markedDataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bungee-data-'));
  const put = (name: string, content: string): void => {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), content);
  };
  put(
    'wikitext-2/valid.txt',
    count(40)
      .map((n) => ` \n = Title = \n \n${` w${n}w`.repeat(120)} \n`)
      .join(''),
  );
  put(
    'instruct/gsm8k-train.jsonl',
    count(120)
      .map((n) => JSON.stringify({ question: `g${n}g ask`, answer: `g${n}g told` }))
      .join('\n'),
  );
  put(
    'multiple-choice-train/arc_easy.json',
    JSON.stringify(
      count(120).map((n) => ({
        instruction: `Please choose the correct answer to the question: a${n}a?\n\nAnswer1: no Answer2: a${n}a\n\nAnswer format: answer1/answer2`,
        answer: 'answer2',
      })),
    ),
  );
  put(
    'droidtask/tasks.json',
    JSON.stringify(
      Object.fromEntries(
        ['gallery', 'messenger', 'dialer', 'camera', 'clock'].map((app) => [
          app,
          Object.fromEntries(
            count(8).map((n) => [
              String(n),
              {
                task: `d${app}${n}d`,
                profile: [
                  { state: '<p id=0>A</p>\n<p id=1>B</p>', history: '\n- Start.', label: [1, 'null'] },
                ],
              },
            ]),
          ),
        ]),
      ),
    ),
  );
  /** The evaluation folders must never be read. */
  put('multiple-choice/arc_easy.jsonl', 'EVALUATION');
  put('octopus/even.csv', 'EVALUATION');

  return folder;
}

export const MARKER = /[wga]\d+[wga]|d[a-z]+\d+d/g;
