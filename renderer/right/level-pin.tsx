import { LEVELS, type Level } from '../../core/level.ts';
import { pinLevel } from '../state/actions.ts';
import { Term } from '../widgets/term.tsx';

interface LevelPinProps {
  readonly pinned: Level | null;
  /** An agent is there to take it. */
  readonly ready: boolean;
}

/** Pins a level, or leaves it to the SLOs. */
export function LevelPin({ pinned, ready }: LevelPinProps) {
  return (
    <section className="panel" aria-label="Level">
      <header className="panel-title">
        <h2>
          <Term id="level">Level</Term>
        </h2>
        <span className="panel-hint">
          {pinned === null ? 'follows each request’s SLO' : `pinned at ${pinned} %: SLOs have no say`}
        </span>
      </header>
      <div className="level-pin" role="group" aria-label="Pin a level">
        <button
          type="button"
          className="level-auto"
          aria-pressed={pinned === null}
          disabled={!ready}
          onClick={() => void pinLevel(null)}
        >
          SLO
        </button>
        {LEVELS.map((level, i) => (
          <button
            key={level}
            type="button"
            className={`level-${level}`}
            aria-pressed={pinned === level}
            aria-label={`Pin level ${level} %, key ${i + 1}`}
            disabled={!ready}
            onClick={() => void pinLevel(pinned === level ? null : level)}
          >
            {level}
          </button>
        ))}
      </div>
    </section>
  );
}
