import { z } from 'zod';
import { appIdSchema } from './app.ts';
import { levelSchema } from './level.ts';
import type { Result } from './result.ts';
import type { DesktopState, DoctorCheck } from './desktop-state.ts';
import { simulationSchema } from './provider-proof.ts';
import type { LiveEvent, RunRecord } from './run-record.ts';
import { sloSchema } from './slo.ts';
import { traceSpecSchema } from './trace.ts';

/**
 * The only way from the window to the services: one map of commands, the same over Electron IPC and over
 * the local web host. Requests are parsed by these schemas at the service's edge; answers are `Result`s.
 */
export const COMMANDS = {
  /** The whole state; also sent by itself on every change. */
  state: z.strictObject({}),
  /** `adb connect HOST:PORT`. */
  'device.connect': z.strictObject({
    address: z.string().regex(/^[\w.\-[\]:]+:\d{1,5}$/, 'must be host:port'),
  }),
  'device.alias': z.strictObject({ serial: z.string(), alias: z.string().max(60).nullable() }),
  /** A folder that holds a bundle joins the list. */
  'bundle.add': z.strictObject({ path: z.string().min(1) }),
  /** Push, agent, proof, profile (unless one is stored or it is not wanted): afterwards the session is `ready`. */
  'session.start': z.strictObject({
    serial: z.string(),
    bundleId: z.string(),
    profile: z.boolean().default(true),
  }),
  /** Cancels a push or profile in progress, stops the agent. */
  'session.stop': z.strictObject({}),
  'run.start': z.strictObject({ trace: traceSpecSchema }),
  'run.stop': z.strictObject({}),
  /** Arrival rate of the run in progress, and the default for the next. */
  'run.load': z.strictObject({ requestsPerMinute: z.number().positive().max(6000) }),
  'run.read': z.strictObject({ id: z.string() }),
  'run.export': z.strictObject({ id: z.string(), format: z.enum(['json', 'csv']) }),
  'run.delete': z.strictObject({ id: z.string() }),
  'level.pin': z.strictObject({ level: levelSchema.nullable() }),
  'slo.set': z.strictObject({ app: appIdSchema, slo: sloSchema }),
  'profile.measure': z.strictObject({ mode: z.enum(['quick', 'full']) }),
  'agent.log': z.strictObject({ lines: z.int().min(1).max(2000).default(200) }),
  /** `inject`: a made-up case of the phone's providers, to see what would be said; labelled as simulated. */
  'doctor.run': z.strictObject({ inject: simulationSchema.nullable().default(null) }),
} as const;

export type CommandName = keyof typeof COMMANDS;
export type CommandRequest<C extends CommandName> = z.input<(typeof COMMANDS)[C]>;
export type ParsedCommandRequest<C extends CommandName> = z.output<(typeof COMMANDS)[C]>;

export interface CommandResponses {
  state: DesktopState;
  'device.connect': { readonly serial: string };
  'device.alias': null;
  'bundle.add': { readonly bundleId: string };
  'session.start': null;
  'session.stop': null;
  'run.start': { readonly id: string };
  'run.stop': { readonly id: string };
  'run.load': null;
  'run.read': { readonly run: RunRecord; readonly events: LiveEvent[] };
  'run.export': { readonly fileName: string; readonly text: string };
  'run.delete': null;
  'level.pin': null;
  'slo.set': null;
  'profile.measure': null;
  'agent.log': { readonly lines: string[] };
  'doctor.run': { readonly checks: DoctorCheck[] };
}

/** What the services push to the window, at most once per 50 ms. */
export interface DesktopUpdate {
  /** The new state, when it changed. */
  readonly state?: DesktopState | undefined;
  /** Events since the last update, in order. */
  readonly live: readonly LiveEvent[];
  /** Live events dropped because the window was too slow, since the start. */
  readonly dropped: number;
}

/**
 * `window.bungee`: given by the preload under Electron, by fetch and server-sent events over the web host.
 */
export interface DesktopBridge {
  readonly host: 'electron' | 'web';
  call<C extends CommandName>(command: C, request: CommandRequest<C>): Promise<Result<CommandResponses[C]>>;
  /** @returns unsubscribe. The first update carries the whole state. */
  subscribe(onUpdate: (update: DesktopUpdate) => void): () => void;
}
