interface ProgressBarProps {
  readonly label: string;
  readonly done: number;
  readonly total: number;
  /** Under the bar: bytes or steps, rate, ETA. */
  readonly text: string;
}

/** Progress of long work. Drawn as SVG: the page's content security policy forbids style attributes. */
export function ProgressBar({ label, done, total, text }: ProgressBarProps) {
  const share = total <= 0 ? 0 : Math.min(1, Math.max(0, done / total));
  return (
    <div className="progress">
      <svg
        className="progress-bar"
        viewBox="0 0 100 4"
        preserveAspectRatio="none"
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
        aria-valuetext={text}
      >
        <rect className="progress-track" width="100" height="4" />
        <rect className="progress-fill" width={share * 100} height="4" />
      </svg>
      <div className="progress-text">{text}</div>
    </div>
  );
}
