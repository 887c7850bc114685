import type { Session } from '../../core/desktop-state.ts';
import { describeProof } from '../../core/provider-proof.ts';
import type { PushProgress } from '../../core/push.ts';
import { formatBytes, formatCount, formatMs } from '../format/units.ts';
import { measureProfile, stopSession } from '../state/actions.ts';
import { PHASE_WORDS } from '../state/next-step.ts';
import { look } from '../state/view-store.ts';
import { Button } from '../widgets/button.tsx';
import { FailureNote } from '../widgets/failure-note.tsx';
import { ProgressBar } from '../widgets/progress-bar.tsx';
import { Hint } from '../widgets/term.tsx';

/** Push, agent and profile of the session on a phone. */
export function SessionProgress({ session }: { readonly session: Session }) {
  const busy = ['pushing', 'starting', 'proving', 'profiling', 'restarting'].includes(session.phase);
  return (
    <div className="session">
      <div className="session-phase">
        <span className={`phase ${session.phase}`}>agent: {agentWords(session)}</span>
        {busy || session.phase === 'ready' ? (
          <Button onClick={() => void stopSession()}>{busy ? 'Cancel' : 'Stop agent'}</Button>
        ) : null}
      </div>
      {session.phase === 'pushing' && session.push !== null ? (
        <ProgressBar
          label="Push"
          done={session.push.bytesDone}
          total={session.push.bytesTotal}
          text={pushText(session.push)}
        />
      ) : null}
      {session.profileProgress === null ? null : (
        <ProgressBar
          label="Profile"
          done={session.profileProgress.cellsDone}
          total={session.profileProgress.cells}
          text={`profile: ${session.profileProgress.cellsDone} of ${session.profileProgress.cells} cells${eta(session.profileProgress.etaMs)}`}
        />
      )}
      {session.instruction === null ? null : <p className="session-instruction">{session.instruction}</p>}
      {session.failure === null ? null : <FailureNote failure={session.failure} />}
      <SessionFacts session={session} />
    </div>
  );
}

function SessionFacts({ session }: { readonly session: Session }) {
  const { pushReport, health, profile, proof } = session;
  if (session.phase !== 'ready') return null;
  return (
    <div className="session-facts">
      {pushReport === null ? null : (
        <p>
          pushed {formatBytes(pushReport.bytes)} in {formatMs(pushReport.seconds * 1000)},{' '}
          {formatCount(pushReport.filesSkipped)} of{' '}
          {formatCount(pushReport.filesSkipped + pushReport.filesPushed)} files were there
        </p>
      )}
      {session.pack === null ? null : (
        <p>
          runtime pack {session.pack.name}: {session.pack.why}
        </p>
      )}
      {health === null ? null : (
        <p>
          {health.variant}, {health.threads} threads, ONNX Runtime {health.runtime.onnxruntime} on{' '}
          <Hint text={proof === null ? 'Not proved on the phone.' : describeProof(proof).join('\n')}>
            <span className="term">{health.runtime.provider}</span>
          </Hint>
          {health.loadMs === null ? '' : `, loaded in ${formatMs(health.loadMs)}`}
        </p>
      )}
      {session.restarts === 0 ? null : (
        <p>restarted {session.restarts === 1 ? 'once' : `${session.restarts} times`} after a crash</p>
      )}
      <p>
        {profile === null
          ? health?.hasProfile === true
            ? 'profile measured'
            : 'no profile: SLOs cannot be judged feasible'
          : `${profile.mode} profile, ${profile.cells.length} cells`}
      </p>
      <div className="session-buttons">
        <Button onClick={() => void measureProfile('full')}>Measure full profile</Button>
        <Button onClick={() => look({ tab: 'log' })}>Agent log</Button>
      </div>
    </div>
  );
}

function agentWords(session: Session): string {
  const { phase, health } = session;
  return phase === 'ready' && health !== null && health.status !== 'ready'
    ? `${PHASE_WORDS[phase]}, ${health.status}`
    : PHASE_WORDS[phase];
}

function eta(etaMs: number | null): string {
  return etaMs === null ? '' : `, ${formatMs(etaMs)} left`;
}

/** `pushing weights.bin: 41.2 MB of 120 MB, 35.0 MB/s, 2.30 s left`. */
export function pushText(push: PushProgress): string {
  const rate = push.bytesPerSecond === null ? '' : `, ${formatBytes(push.bytesPerSecond)}/s`;
  const skipped =
    push.filesSkipped === 0 ? '' : `; ${push.filesSkipped} of ${push.filesTotal} files were there`;
  return `${push.phase} ${push.what}: ${formatBytes(push.bytesDone)} of ${formatBytes(push.bytesTotal)}${rate}${eta(push.etaMs)}${skipped}`;
}
