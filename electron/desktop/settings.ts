import { z } from 'zod';
import { APPS, type AppId, appIdSchema } from '../../core/app.ts';
import { type Slo, sloSchema } from '../../core/slo.ts';
import { type TraceSpec, traceSpecSchema } from '../../core/trace.ts';
import { readJsonFile, writeFileAtomic } from '../files/atomic-file.ts';

const settingsSchema = z.object({
  schemaVersion: z.literal(1),
  /** Bundle folders that the user added. */
  bundles: z.array(z.string()).default([]),
  slos: z.partialRecord(appIdSchema, sloSchema).default({}),
  trace: traceSpecSchema.default(() => traceSpecSchema.parse({})),
});
type SettingsFile = z.infer<typeof settingsSchema>;

/** What the user chose and finds again at the next start. */
export interface Settings {
  readonly bundles: readonly string[];
  readonly slos: Record<AppId, Slo>;
  readonly trace: TraceSpec;
  addBundle(path: string): void;
  setSlo(app: AppId, slo: Slo): void;
  setTrace(trace: TraceSpec): void;
  /** What was changed is on disk when this resolves; write errors are swallowed: the session goes on without. */
  saved(): Promise<void>;
}

/** A damaged file counts as empty and is replaced at the first change. */
export async function openSettings(path: string): Promise<Settings> {
  const empty: SettingsFile = settingsSchema.parse({ schemaVersion: 1 });
  const read = await readJsonFile(path, settingsSchema, empty);
  let current = read.ok ? read.value : empty;
  let writing: Promise<void> = Promise.resolve();
  const change = (next: Partial<SettingsFile>): void => {
    current = { ...current, ...next };
    const content = `${JSON.stringify(current, null, 2)}\n`;
    writing = writing.then(() => writeFileAtomic(path, content)).catch(() => undefined);
  };
  return {
    get bundles() {
      return current.bundles;
    },
    get slos() {
      const defaults = APPS.map((app): [AppId, Slo] => [app.id, current.slos[app.id] ?? app.slo]);
      return Object.fromEntries(defaults) as Record<AppId, Slo>;
    },
    get trace() {
      return current.trace;
    },
    addBundle: (bundle) => change({ bundles: [...new Set([...current.bundles, bundle])] }),
    setSlo: (app, slo) => change({ slos: { ...current.slos, [app]: slo } }),
    setTrace: (trace) => change({ trace }),
    saved: () => writing,
  };
}
