import type { CommandName, DesktopBridge, DesktopUpdate } from '../../../core/desktop-contract.ts';
import type { DesktopState } from '../../../core/desktop-state.ts';
import { fail, ok, type Result } from '../../../core/result.ts';
import type { LiveEvent, RunRecord } from '../../../core/run-record.ts';
import { demoEvents } from './demo-events.ts';
import {
  BUNDLE,
  EMPTY_STATE,
  ENVIRONMENT,
  ERROR_STATE,
  IDLE_STATE,
  pastRun,
  PHONE,
  PUSHING_SESSION,
  READY_SESSION,
  TRACE,
} from './demo-state.ts';

/** Runs in the page before its own script: `window.bungee` without services, steered by `window.fake`. */

export interface FakeControl {
  /** Commands that the window sent, in order. */
  readonly calls: { readonly command: CommandName; readonly request: unknown }[];
  /** Answers to commands other than the default ones. */
  readonly answers: Partial<Record<CommandName, Result<unknown>>>;
  state: DesktopState;
  /** A desktop with a phone and bundles, to take parts of. */
  readonly known: DesktopState;
  setState(change: Partial<DesktopState>): void;
  /** Ends the push that `session.start` began. */
  finishPush(): void;
  emit(events: readonly LiveEvent[], dropped?: number): void;
  /** Requests of a scripted run, ending now. */
  history(requests: number, requestsPerMinute?: number): LiveEvent[];
}

declare global {
  interface Window {
    fake: FakeControl;
    /** Set by the test before the page loads. */
    fakeScenario?: string;
  }
}

const RUN_ID = '20260102-030405';

function startOf(scenario: string): DesktopState {
  switch (scenario) {
    case 'empty':
      return EMPTY_STATE;
    case 'error':
      return ERROR_STATE;
    case 'pushing':
      return { ...IDLE_STATE, session: PUSHING_SESSION };
    case 'ready':
      return {
        ...IDLE_STATE,
        session: READY_SESSION,
        runs: [pastRun('old-run', '2026-01-01T10:20:30.000Z')],
      };
    default:
      return { ...IDLE_STATE, runs: [pastRun('old-run', '2026-01-01T10:20:30.000Z')] };
  }
}

function recordOf(id: string, startedAt: string): RunRecord {
  return {
    schemaVersion: 1,
    id,
    status: 'finished',
    failure: null,
    startedAt,
    endedAt: null,
    device: { serial: PHONE.serial, kind: 'virtual', model: PHONE.model },
    model: BUNDLE.name,
    bundle: { id: BUNDLE.id, name: BUNDLE.name, variant: 'int8' },
    trace: TRACE,
    slos: {},
    profile: null,
    push: null,
    environment: ENVIRONMENT,
    summary: null,
  };
}

function install(): void {
  const listeners = new Set<(update: DesktopUpdate) => void>();
  const publish = (update: DesktopUpdate): void => {
    for (const listener of listeners) listener(update);
  };
  const fake: FakeControl = {
    calls: [],
    answers: {},
    known: IDLE_STATE,
    state: startOf(window.fakeScenario ?? 'idle'),
    setState(change) {
      fake.state = { ...fake.state, ...change };
      publish({ state: fake.state, live: [], dropped: 0 });
    },
    finishPush() {
      fake.setState({ session: READY_SESSION });
    },
    emit(events, dropped = 0) {
      publish({ live: events, dropped });
    },
    history(requests, requestsPerMinute = 45) {
      const spanMs = (requests * 60_000) / requestsPerMinute;
      return demoEvents({
        startMs: Date.now() - spanMs,
        trace: { ...TRACE, requestsPerMinute },
        requests,
        failedAt: [Math.floor(requests / 2)],
        // Ten thousand grids of ninety strategies would take longer to make up than any test may.
        tlm: requests <= 1000,
      });
    },
  };
  window.fake = fake;

  const answer = (command: CommandName, request: unknown): Result<unknown> => {
    const given = fake.answers[command];
    if (given !== undefined) return given;
    const fields = request as Record<string, unknown>;
    switch (command) {
      case 'session.start':
        fake.setState({ session: PUSHING_SESSION });
        return ok(null);
      case 'session.stop':
        fake.setState({ session: { ...READY_SESSION, phase: 'stopped' } });
        return ok(null);
      case 'run.start':
        fake.setState({
          run: { id: RUN_ID, trace: TRACE, startedAt: new Date().toISOString(), sent: 0, finished: 0 },
        });
        return ok({ id: RUN_ID });
      case 'run.stop':
        fake.setState({
          run: null,
          runs: [...fake.state.runs, pastRun(RUN_ID, new Date().toISOString())],
        });
        return ok({ id: RUN_ID });
      case 'run.read': {
        const startMs = Date.parse('2026-01-01T10:20:30.000Z');
        return ok({
          run: recordOf(String(fields['id']), new Date(startMs).toISOString()),
          events: demoEvents({ startMs, trace: TRACE, requests: 40, failedAt: [7], tlm: false }),
        });
      }
      case 'run.export':
        return ok({ fileName: `${String(fields['id'])}.${String(fields['format'])}`, text: 'exported' });
      case 'run.delete':
        fake.setState({ runs: fake.state.runs.filter(({ id }) => id !== fields['id']) });
        return ok(null);
      case 'level.pin':
        fake.setState({ pinnedLevel: fields['level'] as DesktopState['pinnedLevel'] });
        return ok(null);
      case 'slo.set':
        fake.setState({
          slos: { ...fake.state.slos, [String(fields['app'])]: fields['slo'] } as DesktopState['slos'],
        });
        return ok(null);
      case 'device.connect':
        return fields['address'] === '10.0.0.1:5555'
          ? fail('connect-failed', 'No adb answers at 10.0.0.1:5555.', 'Switch on wireless debugging.')
          : ok({ serial: String(fields['address']) });
      case 'bundle.add':
        return ok({ bundleId: BUNDLE.id });
      case 'agent.log':
        return ok({ lines: ['agent 0.1.0, pid 4242', 'listening on 127.0.0.1:18080'] });
      case 'doctor.run':
        return ok({ checks: fake.state.doctor });
      default:
        return ok(null);
    }
  };

  const bridge: DesktopBridge = {
    host: 'web',
    call(command, request) {
      fake.calls.push({ command, request });
      return Promise.resolve(answer(command, request)) as ReturnType<typeof bridge.call<typeof command>>;
    },
    subscribe(onUpdate) {
      listeners.add(onUpdate);
      if (window.fakeScenario !== 'waiting') onUpdate({ state: fake.state, live: [], dropped: 0 });
      if (window.fakeScenario === 'running') startRunning();
      return () => listeners.delete(onUpdate);
    },
  };
  Object.defineProperty(window, 'bungee', { value: bridge });

  /** A run that began 100 s ago and is still on, its last request streaming. */
  function startRunning(): void {
    const events = fake.history(75).filter(({ hostAtMs }) => hostAtMs < Date.now());
    const startMs = events[0]?.hostAtMs ?? Date.now();
    fake.state = {
      ...fake.state,
      session: READY_SESSION,
      run: {
        id: RUN_ID,
        trace: TRACE,
        startedAt: new Date(startMs).toISOString(),
        sent: 75,
        finished: 71,
      },
    };
    publish({ state: fake.state, live: events, dropped: 0 });
  }
}

install();
