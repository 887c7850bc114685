interface SparklineProps {
  /** 0..1, oldest first. */
  readonly values: readonly number[];
  readonly label: string;
}

const WIDTH = 56;
const HEIGHT = 14;

/** A line of shares without axes; its full height is 0 to 1. */
export function Sparkline({ values, label }: SparklineProps) {
  const step = values.length < 2 ? 0 : WIDTH / (values.length - 1);
  const points = values.map(
    (value, i) => `${(i * step).toFixed(1)},${(HEIGHT - 1 - value * (HEIGHT - 2)).toFixed(1)}`,
  );
  return (
    <svg className="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      <line className="sparkline-top" x1="0" x2={WIDTH} y1="1" y2="1" />
      {values.length > 1 ? <polyline points={points.join(' ')} /> : null}
    </svg>
  );
}
