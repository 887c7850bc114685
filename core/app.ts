import { z } from 'zod';
import type { Slo } from './slo.ts';

/** The six apps of the paper's evaluation (§5.1, Table 3), tightest SLO last. */
export const APP_IDS = ['rewind', 'gmail', 'octopus', 'shortcuts', 'gboard', 'xiaoai'] as const;
export const appIdSchema = z.enum(APP_IDS);
export type AppId = z.infer<typeof appIdSchema>;

export interface App {
  readonly id: AppId;
  readonly name: string;
  /** What the app asks of the model, in a few words. */
  readonly task: string;
  /** Default SLO, ratios of the full model (paper Table 3). */
  readonly slo: Slo;
}

export const APPS: readonly App[] = [
  { id: 'rewind', name: 'Rewind', task: 'answer from what was on screen', slo: { ttft: 1, tpot: 1 } },
  { id: 'gmail', name: 'Gmail', task: 'draft a reply', slo: { ttft: 0.8, tpot: 0.9 } },
  { id: 'octopus', name: 'Octopus', task: 'choose an API function', slo: { ttft: 0.6, tpot: 0.8 } },
  { id: 'shortcuts', name: 'Shortcuts', task: 'choose the app for a task', slo: { ttft: 0.4, tpot: 0.7 } },
  { id: 'gboard', name: 'Gboard', task: 'suggest the next words', slo: { ttft: 0.2, tpot: 0.6 } },
  { id: 'xiaoai', name: 'XiaoAi', task: 'answer a spoken question', slo: { ttft: 0.2, tpot: 0.5 } },
];

export function appById(id: AppId): App {
  const app = APPS.find((candidate) => candidate.id === id);
  if (app === undefined) throw new Error(`no app ${id}`);
  return app;
}
