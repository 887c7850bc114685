import { create } from 'zustand';
import type { AppId } from '../../core/app.ts';
import type { TraceSpec } from '../../core/trace.ts';
import type { HeatMetric } from '../detail/heat-cells.ts';
import type { TimeRange } from '../live/filter.ts';

export const WINDOWS_S = [30, 60, 120, 300, 900, 3600] as const;

export type LatencyUnit = 'ratio' | 'ms';
export type BottomTab = 'requests' | 'log' | 'doctor' | 'notes';
export type DetailTab = 'summary' | 'prompt' | 'decision';
export type DialogName = 'connect' | 'add-bundle' | 'palette' | 'help' | 'delete-run' | 'alias';

/** What the user looks at and has chosen here; nothing that the services know. */
interface ViewSlice {
  readonly serial: string | null;
  readonly bundleId: string | null;
  /** Time axis follows the newest event over this window, unless `zoom` holds it. */
  readonly windowS: number;
  readonly zoom: TimeRange | null;
  readonly selection: TimeRange | null;
  readonly unit: LatencyUnit;
  readonly filter: string;
  /** Only this app's requests in charts and table. */
  readonly app: AppId | null;
  readonly expandedId: string | null;
  /** What of the expanded request is on show, and what its heat map's colour means. */
  readonly detailTab: DetailTab;
  readonly heatMetric: HeatMetric;
  /** Request whose mark is under the cursor in a chart or in the table. */
  readonly hoveredId: string | null;
  readonly cursorMs: number | null;
  readonly tab: BottomTab;
  readonly dialog: DialogName | null;
  /** Run, or serial, that the open dialog is about. */
  readonly dialogSubject: string | null;
  /** The next run's trace, where the user changed it; else the services' default. */
  readonly traceDraft: Partial<TraceSpec>;
}

export const useView = create<ViewSlice>()(() => ({
  serial: null,
  bundleId: null,
  windowS: 120,
  zoom: null,
  selection: null,
  unit: 'ratio',
  filter: '',
  app: null,
  expandedId: null,
  detailTab: 'summary',
  heatMetric: 'quality',
  hoveredId: null,
  cursorMs: null,
  tab: 'requests',
  dialog: null,
  dialogSubject: null,
  traceDraft: {},
}));

/** Changes some of the view. */
export function look(change: Partial<ViewSlice>): void {
  useView.setState(change);
}

export function openDialog(dialog: DialogName, subject: string | null = null): void {
  look({ dialog, dialogSubject: subject });
}

export function closeDialog(): void {
  look({ dialog: null, dialogSubject: null });
}
