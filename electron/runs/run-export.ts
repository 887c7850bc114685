import { judgeService, serviceTtftMs } from '../../core/metrics.ts';
import type { Environment, LiveEvent, RunRecord } from '../../core/run-record.ts';
import type { ElasticReport } from '../../core/strategy.ts';

export interface ExportedRun {
  readonly fileName: string;
  readonly text: string;
}

/** Everything about a run in one file: record (with environment) and events. */
export function exportJson(run: RunRecord, events: readonly LiveEvent[]): ExportedRun {
  return { fileName: `bungee-${run.id}.json`, text: `${JSON.stringify({ run, events }, null, 2)}\n` };
}

const COLUMNS: readonly [string, (row: Row) => string | number | boolean | null][] = [
  ['request_id', (row) => row.requestId],
  ['app', (row) => row.app],
  ['sent_at', (row) => new Date(row.sentAtMs).toISOString()],
  ['outcome', (row) => row.outcome],
  ['failure', (row) => row.failure],
  ['slo_ttft_ratio', (row) => row.report?.slo?.ttft ?? null],
  ['slo_tpot_ratio', (row) => row.report?.slo?.tpot ?? null],
  ['slo_ttft_ms', (row) => row.report?.limits?.ttftMs ?? null],
  ['slo_tpot_ms', (row) => row.report?.limits?.tpotMs ?? null],
  ['prompt_tokens_kept', (row) => row.report?.keptTokens ?? null],
  ['prompt_level_ratio', (row) => row.report?.strategy.promptLevel ?? null],
  ['model_level_percent', (row) => row.report?.strategy.modelLevel ?? null],
  ['decided_by', (row) => row.report?.decidedBy ?? null],
  ['feasible', (row) => row.report?.feasible ?? null],
  ['tlm_ms', (row) => row.report?.tlm?.ms ?? null],
  ['correction_ttft_ratio', (row) => row.report?.correction.ttft ?? null],
  ['correction_tpot_ratio', (row) => row.report?.correction.tpot ?? null],
  ['predicted_ttft_ms', (row) => row.report?.predicted?.ttftMs ?? null],
  ['predicted_tpot_ms', (row) => row.report?.predicted?.tpotMs ?? null],
  ['queue_ms', (row) => row.report?.measured.queueMs ?? null],
  ['ttft_ms', (row) => row.report?.measured.ttftMs ?? null],
  ['tpot_ms', (row) => row.report?.measured.tpotMs ?? null],
  ['e2el_ms', (row) => row.report?.measured.e2elMs ?? null],
  ['service_ttft_ms', (row) => (row.report === null ? null : serviceTtftMs(row.report.measured))],
  ['slo_met', (row) => row.report?.sloHit.met ?? null],
  ['slo_met_without_queue', (row) => metAsServed(row.report)],
  ['input_tokens', (row) => row.inputTokens],
  ['output_tokens', (row) => row.outputTokens],
];

interface Row {
  readonly requestId: string;
  readonly app: string;
  readonly sentAtMs: number;
  outcome: string;
  failure: string | null;
  report: ElasticReport | null;
  inputTokens: number | null;
  outputTokens: number | null;
}

/** Warns of figures that are of no phone. */
function figuresNote({ phone, emulated }: Environment): string {
  if (emulated) return 'EMULATED ARM64, figures of no processor: ';
  return phone === 'virtual' ? 'VIRTUAL PHONE, figures of this CPU: ' : '';
}

/**
 * One line per request, units in the column names; the lines before, marked `#`, say where the figures come
 * from.
 */
export function exportCsv(run: RunRecord, events: readonly LiveEvent[]): ExportedRun {
  const { environment: env, summary } = run;
  const notes: [string, string][] = [
    ['bungee', env.bungee],
    ['run', `${run.id} (${run.status}), schema ${run.schemaVersion}`],
    ['phone', `${figuresNote(env)}${env.description}`],
    ['cpu', `${env.cpu}, ${env.cores} cores`],
    ['model', `${run.model}; bundle ${run.bundle.name}, ${run.bundle.variant}, ${run.bundle.id}`],
    [
      'runtime',
      `onnxruntime ${env.onnxruntime ?? '?'}, ${env.provider ?? '?'}, ${env.threads ?? '?'} threads`,
    ],
    ['providers', env.providerProof.length === 0 ? 'not proved' : env.providerProof.join('; ')],
    ['trace', JSON.stringify(run.trace)],
    ['slos', JSON.stringify(run.slos)],
    ['started', run.startedAt],
    ['guard_correction', env.guardCorrection === null ? '' : env.guardCorrection ? 'on' : 'off'],
    ['slo_attainment (share of judged requests)', String(summary?.sloAttainment ?? '')],
    ['service_attainment (the same, queueing left out)', String(summary?.serviceAttainment ?? '')],
    ['goodput (requests/s that met all bounds)', String(summary?.goodputPerSecond ?? '')],
  ];
  const lines = [
    ...notes.map(([name, value]) => `# ${name}: ${value.replace(/[\r\n]+/g, ' ')}`),
    COLUMNS.map(([name]) => name).join(','),
    ...requestRows(events).map((row) => COLUMNS.map(([, read]) => csvField(read(row))).join(',')),
  ];
  return { fileName: `bungee-${run.id}.csv`, text: `${lines.join('\r\n')}\r\n` };
}

function metAsServed(report: ElasticReport | null): boolean | null {
  const limits = report?.limits ?? null;
  return report === null || limits === null ? null : judgeService(limits, report.measured).met;
}

function requestRows(events: readonly LiveEvent[]): Row[] {
  const rows = new Map<string, Row>();
  for (const event of events) {
    if (event.kind === 'sent')
      rows.set(event.requestId, {
        requestId: event.requestId,
        app: event.app,
        sentAtMs: event.hostAtMs,
        outcome: 'cut-off',
        failure: null,
        report: null,
        inputTokens: null,
        outputTokens: null,
      });
    else if (event.kind === 'client-failed') {
      const row = rows.get(event.requestId);
      if (row !== undefined) Object.assign(row, { outcome: 'failed', failure: event.failure });
    } else if (event.kind === 'agent' && event.event.type === 'request-finished') {
      const { requestId, outcome, failure, report, usage } = event.event;
      const row = rows.get(requestId);
      if (row === undefined) continue;
      row.outcome = outcome === 'cancelled' ? 'cut-off' : outcome;
      row.failure = failure ?? row.failure;
      row.report = report;
      row.inputTokens = usage?.prompt_tokens ?? null;
      row.outputTokens = usage?.completion_tokens ?? null;
    }
  }
  return [...rows.values()];
}

/** RFC 4180; text that a spreadsheet would run as a formula is quoted with a leading apostrophe. */
function csvField(value: string | number | boolean | null): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const safe = /^[=+\-@\t]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}
