import { Slider } from 'radix-ui';
import { useMemo } from 'react';
import type { DesktopState } from '../../core/desktop-state.ts';
import { traceKindSchema, type TraceKind, type TraceSpec } from '../../core/trace.ts';
import { setLoad } from '../state/actions.ts';
import { throttledSender } from '../state/throttled-sender.ts';
import { look, useView } from '../state/view-store.ts';
import { Term } from '../widgets/term.tsx';

const KIND_WORDS: Readonly<Record<TraceKind, string>> = {
  poisson: 'Poisson: random arrivals',
  steady: 'Steady: equal gaps',
  burst: 'Burst: six at once',
  table3: 'Table 3: the paper’s 600 requests',
};
const DURATIONS_S: readonly (number | null)[] = [null, 20, 60, 300, 1800];
/** Slider positions: 6 to 600 requests a minute, equal steps in ratio. */
const LOAD_STEPS = [6, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360, 600] as const;

function durationWords(seconds: number | null): string {
  if (seconds === null) return 'until stopped';
  return seconds < 60 ? `${seconds} s` : `${seconds / 60} min`;
}

function draft(change: Partial<TraceSpec>): void {
  look({ traceDraft: { ...useView.getState().traceDraft, ...change } });
}

function nearestLoad(requestsPerMinute: number): number {
  const distances = LOAD_STEPS.map((step) => Math.abs(Math.log(step / requestsPerMinute)));
  return distances.indexOf(Math.min(...distances));
}

/** What the next run sends, and the load of the one in progress. */
export function TraceControls({ state }: { readonly state: DesktopState }) {
  const changes = useView((view) => view.traceDraft);
  const running = state.run !== null;
  const trace = { ...state.trace, ...changes };
  const send = useMemo(() => throttledSender((rate: number) => void setLoad(rate), 250), []);
  const durations = DURATIONS_S.includes(trace.durationS) ? DURATIONS_S : [...DURATIONS_S, trace.durationS];
  return (
    <section className="panel" aria-label="Load and trace">
      <header className="panel-title">
        <h2>Load</h2>
        <span className="panel-hint">{running ? 'load: now; rest: next run' : 'of the next run'}</span>
      </header>
      <div className="slo-line">
        <Term id="load">Load</Term>
        <Slider.Root
          className="slider"
          min={0}
          max={LOAD_STEPS.length - 1}
          step={1}
          value={[nearestLoad(trace.requestsPerMinute)]}
          onValueChange={([at]) => {
            const rate = LOAD_STEPS[at ?? 0] ?? 45;
            draft({ requestsPerMinute: rate });
            send(rate);
          }}
        >
          <Slider.Track className="slider-track">
            <Slider.Range className="slider-range" />
          </Slider.Track>
          <Slider.Thumb
            className="slider-thumb"
            aria-label="Load"
            aria-valuetext={`${trace.requestsPerMinute} requests per minute`}
          />
        </Slider.Root>
        <output className="slo-value">{trace.requestsPerMinute} /min</output>
      </div>
      <div className="fields">
        <label>
          Arrivals
          <select
            value={trace.kind}
            onChange={(event) => draft({ kind: traceKindSchema.parse(event.target.value) })}
          >
            {traceKindSchema.options.map((kind) => (
              <option key={kind} value={kind}>
                {KIND_WORDS[kind]}
              </option>
            ))}
          </select>
        </label>
        <label>
          Ends
          <select
            value={String(trace.durationS)}
            onChange={(event) =>
              draft({ durationS: event.target.value === 'null' ? null : Number(event.target.value) })
            }
          >
            {durations.map((seconds) => (
              <option key={String(seconds)} value={String(seconds)}>
                {durationWords(seconds)}
              </option>
            ))}
          </select>
        </label>
        <label>
          <Term id="alpha">Skew α</Term>
          <select
            value={String(trace.alpha)}
            onChange={(event) => draft({ alpha: Number(event.target.value) })}
          >
            {[...new Set([-1, -0.5, -0.25, 0, 0.25, 0.5, 1, trace.alpha])]
              .sort((a, b) => a - b)
              .map((alpha) => (
                <option key={alpha} value={String(alpha)}>
                  {alpha}
                  {alpha === 0 ? ' (even)' : alpha > 0 ? ' (relaxed)' : ' (tight)'}
                </option>
              ))}
          </select>
        </label>
      </div>
    </section>
  );
}
