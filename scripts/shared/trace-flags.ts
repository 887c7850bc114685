import { readFileSync } from 'node:fs';
import { parseJsonWith, parseWith } from '../../core/parse.ts';
import { fail, type Result } from '../../core/result.ts';
import { traceKindSchema, traceSpecSchema, type TraceSpec } from '../../core/trace.ts';

export interface TraceFlags {
  /** Kind of trace, or a JSON file with a trace spec. */
  readonly trace: string;
  readonly load?: number | undefined;
  readonly alpha?: number | undefined;
  readonly duration?: number | undefined;
  readonly seed?: number | undefined;
}

/** The trace that the flags describe; failures name the flag or the file. */
export function traceSpecOf(flags: TraceFlags): Result<TraceSpec> {
  const changes = {
    ...(flags.load === undefined ? {} : { requestsPerMinute: flags.load }),
    ...(flags.alpha === undefined ? {} : { alpha: flags.alpha }),
    ...(flags.duration === undefined ? {} : { durationS: flags.duration }),
    ...(flags.seed === undefined ? {} : { seed: flags.seed }),
  };
  const kind = traceKindSchema.safeParse(flags.trace);
  if (kind.success)
    return parseWith(traceSpecSchema, { kind: kind.data, ...changes }, 'The trace of the flags');
  let text: string;
  try {
    text = readFileSync(flags.trace, 'utf8');
  } catch {
    return fail(
      'trace-unknown',
      `--trace ${flags.trace} is neither a kind of trace nor a file.`,
      `Kinds: ${traceKindSchema.options.join(', ')}.`,
    );
  }
  const spec = parseJsonWith(traceSpecSchema, text, flags.trace);
  return spec.ok ? parseWith(traceSpecSchema, { ...spec.value, ...changes }, flags.trace) : spec;
}
