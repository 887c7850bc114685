import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BundleManifest } from '../../../core/bundle-manifest.ts';
import { unwrap } from '../../../core/result.ts';
import { elasticize } from '../../../offline/elasticize.ts';
import {
  DEFAULT_LIMITS,
  openModelText,
  readEvaluationSet,
  type EvaluationSet,
} from '../../../offline/evaluation/index.ts';
import { tinySourceModel } from '../../../offline/sources/tiny-model.ts';

const TEXT = 'The sea was calm and the boat went on. Nobody on it said a word. '.repeat(40);
const files = {
  'prose.txt': TEXT,
  'chat.jsonl': [1, 2, 3]
    .map((n) => JSON.stringify({ prompt: `Count to ${n}.`, response: 'One, two, three and so on.' }))
    .join('\n'),
  'arc.jsonl': [0, 1, 2, 3, 4]
    .map((gold) =>
      JSON.stringify({
        query: `Question: what is ${gold}?`,
        choices: ['none', 'one of them', 'two', 'the third', 'four'],
        gold,
      }),
    )
    .join('\n'),
  'tasks.json': JSON.stringify(
    Object.fromEntries(
      ['dialer', 'messenger'].map((app, i) => [
        app,
        {
          t1: {
            task: `Call ${app}`,
            profile: [
              {
                state: '<button id=0>Call</button>\n<button id=1>Back</button>\n<p id=2>Name</p>',
                history: '\n- Start the app.',
                label: [i, 'null'],
              },
              { state: '<button id=0>Done</button>', history: '\n- TapOn', label: [-1, 'null'] },
            ],
          },
        },
      ]),
    ),
  ),
  'broken.jsonl': '{"query": "Question: a?", "choices": ["x", "y"], "gold": 0}\n{"query": 5}\n',
  'empty.txt': ' \n',
};

interface LabBundle {
  readonly folder: string;
  readonly manifest: BundleManifest;
}

/** A tiny model's bundles, and files to measure them on. */
export interface EvaluationLab {
  readonly folder: string;
  readonly at: (name: string) => string;
  readonly f32: LabBundle;
  readonly int8: LabBundle;
  /** Two windows of the lab's prose, named `prose`. */
  readonly proseSet: () => EvaluationSet;
  readonly close: () => void;
}

export async function openEvaluationLab(): Promise<EvaluationLab> {
  const folder = mkdtempSync(join(tmpdir(), 'bungee-evaluate-'));
  const at = (name: string): string => join(folder, name);
  for (const [name, content] of Object.entries(files)) writeFileSync(at(name), content);
  const bundleOf = async (variant: 'f32' | 'int8'): Promise<LabBundle> => {
    const model = tinySourceModel({ seed: 33 });
    const manifest = unwrap(await elasticize({ model, out: at(variant), variant, dataFolder: null }));
    return { folder: at(variant), manifest };
  };
  const [f32, int8] = [await bundleOf('f32'), await bundleOf('int8')];
  return {
    folder,
    at,
    f32,
    int8,
    proseSet: () =>
      unwrap(
        readEvaluationSet(
          { texts: [{ name: 'prose', path: at('prose.txt') }] },
          unwrap(openModelText(int8.folder, int8.manifest)),
          { ...DEFAULT_LIMITS, windowTokens: 48, windows: 2 },
        ),
      ),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
