import type { PushProgress, PushReport } from '../../core/push.ts';
import { ok, type Result } from '../../core/result.ts';
import type { PhoneLink } from '../adb/phone-link.ts';
import type { LocalFileSet } from '../files/local-file-set.ts';
import { pushFileSet } from '../push/push-file-set.ts';

/** Pushes sets that belong together, one after the other; none of them is collected for another's sake. */
export async function pushSets(
  link: PhoneLink,
  serial: string,
  sets: readonly LocalFileSet[],
  signal: AbortSignal,
  onProgress: (progress: PushProgress) => void,
): Promise<Result<PushReport[]>> {
  const inUse = new Set(sets.map((set) => set.id));
  const reports: PushReport[] = [];
  for (const set of sets) {
    const report = await pushFileSet(link, serial, set, { signal, inUse, onProgress });
    if (!report.ok) return report;
    reports.push(report.value);
  }
  return ok(reports);
}

/** The sum of several pushes as one. */
export function combineReports(reports: readonly PushReport[]): PushReport {
  const sum = (pick: (report: PushReport) => number): number => reports.reduce((all, r) => all + pick(r), 0);
  return {
    bytes: sum((r) => r.bytes),
    seconds: sum((r) => r.seconds),
    filesPushed: sum((r) => r.filesPushed),
    filesSkipped: sum((r) => r.filesSkipped),
    bytesResumed: sum((r) => r.bytesResumed),
  };
}
