import type { ReactNode } from 'react';
import type { Failure } from '../../core/result.ts';

interface FailureNoteProps {
  readonly failure: Failure;
  /** What was tried, e.g. `Start`. */
  readonly action?: string;
  readonly children?: ReactNode;
}

/** What happened, what to do about it, and the raw output one click away. */
export function FailureNote({ failure, action, children }: FailureNoteProps) {
  return (
    <div className="failure" role="alert">
      <div className="failure-text">
        {action === undefined ? null : <strong>{action}: </strong>}
        {failure.message}
        {failure.remedy === undefined ? null : <span className="remedy"> {failure.remedy}</span>}
        {failure.detail === undefined ? null : (
          <details>
            <summary>Raw output</summary>
            <pre>{failure.detail}</pre>
          </details>
        )}
      </div>
      {children}
    </div>
  );
}
