import { Slider } from 'radix-ui';
import { useEffect, useMemo, useState } from 'react';
import type { App } from '../../core/app.ts';
import type { Slo } from '../../core/slo.ts';
import { formatMs, UNKNOWN } from '../format/units.ts';
import { setSlo } from '../state/actions.ts';
import { useDesktop } from '../state/desktop-store.ts';
import { throttledSender } from '../state/throttled-sender.ts';
import { Term } from '../widgets/term.tsx';

const LOWEST = 0.1;
const HIGHEST = 1.2;
const STEP = 0.05;
const SEND_EVERY_MS = 150;
/** The services echo a change in their state well before this; then the slider follows them again. */
const HOLD_MS = 1500;

interface SloSliderProps {
  readonly app: App;
  readonly metric: 'ttft' | 'tpot';
  readonly slo: Slo;
  readonly readOnly: boolean;
}

/** The SLO with one bound as a ratio; the other bound is kept as it is, in its own unit. */
export function withRatio(slo: Slo, metric: 'ttft' | 'tpot', ratio: number): Slo {
  const { ttft, tpot, ttftMs, tpotMs } = slo;
  return metric === 'ttft'
    ? { ttft: ratio, ...(tpotMs === undefined ? { tpot } : { tpotMs }) }
    : { tpot: ratio, ...(ttftMs === undefined ? { ttft } : { ttftMs }) };
}

/** One bound of an app's SLO; takes effect on the next request. */
export function SloSlider({ app, metric, slo, readOnly }: SloSliderProps) {
  const given = slo[metric];
  const ms = metric === 'ttft' ? slo.ttftMs : slo.tpotMs;
  const [dragged, setDragged] = useState<number | null>(null);
  useEffect(() => {
    if (dragged === null) return;
    const timer = window.setTimeout(() => setDragged(null), HOLD_MS);
    return () => window.clearTimeout(timer);
  }, [dragged]);
  const send = useMemo(
    () =>
      throttledSender((ratio: number) => {
        // The other bound may have changed since this slider was drawn: take it from the newest state.
        const now = useDesktop.getState().state?.slos[app.id] ?? app.slo;
        void setSlo(app.id, withRatio(now, metric, ratio));
      }, SEND_EVERY_MS),
    [app, metric],
  );
  const value = dragged ?? given ?? 1;
  const unbounded = given === undefined && ms === undefined && dragged === null;
  const name = metric.toUpperCase();
  return (
    <div className="slo-line">
      <Term id={metric}>{name}</Term>
      <Slider.Root
        className={unbounded ? 'slider unbounded' : 'slider'}
        min={LOWEST}
        max={HIGHEST}
        step={STEP}
        value={[Math.min(HIGHEST, Math.max(LOWEST, value))]}
        disabled={readOnly}
        onValueChange={([next]) => {
          if (next === undefined) return;
          const ratio = Number(next.toFixed(2));
          setDragged(ratio);
          send(ratio);
        }}
      >
        <Slider.Track className="slider-track">
          <Slider.Range className="slider-range" />
        </Slider.Track>
        <Slider.Thumb
          className="slider-thumb"
          aria-label={`${app.name}: ${name} bound, ratio of the full model`}
        />
      </Slider.Root>
      <output className="slo-value">
        {ms !== undefined && dragged === null ? formatMs(ms) : unbounded ? UNKNOWN : value.toFixed(2)}
      </output>
    </div>
  );
}
