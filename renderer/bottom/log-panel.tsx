import { useEffect, useRef, useState } from 'react';
import type { Failure } from '../../core/result.ts';
import { call, useDesktop } from '../state/desktop-store.ts';
import { FailureNote } from '../widgets/failure-note.tsx';

const LINES = 500;
/** Only while the panel is open and the window is visible. */
const REFRESH_MS = 2000;

/** The end of the agent's log on the phone. */
export function LogPanel() {
  const hasAgent = useDesktop(({ state }) => (state?.session ?? null) !== null);
  const [lines, setLines] = useState<readonly string[] | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const end = useRef<HTMLPreElement>(null);
  useEffect(() => {
    if (!hasAgent) return;
    let over = false;
    const read = async (): Promise<void> => {
      if (document.hidden) return;
      const result = await call('agent.log', { lines: LINES });
      if (over) return;
      if (result.ok) setLines(result.value.lines);
      setFailure(result.ok ? null : result.failure);
    };
    void read();
    const timer = window.setInterval(() => void read(), REFRESH_MS);
    return () => {
      over = true;
      window.clearInterval(timer);
    };
  }, [hasAgent]);
  useEffect(() => {
    const element = end.current;
    // Follows the end unless the reader has scrolled up.
    if (element !== null && element.scrollHeight - element.scrollTop - element.clientHeight < 80)
      element.scrollTop = element.scrollHeight;
  }, [lines]);
  if (!hasAgent) return <p className="panel-empty">No agent yet; its log shows here once it is started.</p>;
  return (
    <div className="pane">
      {failure === null ? null : <FailureNote failure={failure} />}
      <pre className="log selectable" ref={end} tabIndex={0} aria-label="Agent log">
        {lines === null ? 'Reading …' : lines.length === 0 ? 'The log is empty.' : lines.join('\n')}
      </pre>
    </div>
  );
}
