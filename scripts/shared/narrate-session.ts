import type { Session } from '../../core/desktop-state.ts';
import type { DesktopService } from '../../electron/desktop/desktop-service.ts';
import { say } from './command-line.ts';

/** Says each step of a session's coming up on stderr, with progress. */
export function narrateSession(service: DesktopService): () => void {
  let last = '';
  const tell = (line: string): void => {
    if (line !== last) say(line);
    last = line;
  };
  const subscription = service.subscribe(({ state, live }) => {
    for (const event of live) if (event.kind === 'note') tell(`${event.severity}: ${event.text}`);
    const session = state?.session;
    if (session !== null && session !== undefined) tell(describeSession(session));
    return true;
  });
  return () => subscription.unsubscribe();
}

function describeSession(session: Session): string {
  const { push, profileProgress, instruction } = session;
  if (instruction !== null) return `on the phone: ${instruction}`;
  switch (session.phase) {
    case 'pushing':
      if (push === null || push.phase === 'checking') return 'push: looking at what the phone has ...';
      if (push.phase === 'verifying') return `push: verifying ${push.what} on the phone ...`;
      return `push: ${push.what}, ${push.bytesTotal === 0 ? 'nothing to send' : `${Math.floor((push.bytesDone / push.bytesTotal) * 10) * 10} % of ${(push.bytesTotal / 1e6).toFixed(0)} MB`}`;
    case 'starting':
      return 'agent: starting ...';
    case 'proving':
      return 'providers: proving what they do ...';
    case 'profiling':
      return profileProgress === null || profileProgress.cells === 0
        ? 'profile: measuring latencies ...'
        : `profile: ${Math.floor((profileProgress.cellsDone / profileProgress.cells) * 5) * 20} %`;
    case 'ready':
      return `agent: ready (${session.health?.model ?? ''} ${session.health?.variant ?? ''}, ${session.health?.threads ?? '?'} threads)`;
    case 'restarting':
    case 'lost':
    case 'failed':
    case 'stopped':
      return `session: ${session.phase}${session.failure === null ? '' : `, ${session.failure.message}`}`;
  }
}
