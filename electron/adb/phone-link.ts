import type { Readable } from 'node:stream';
import type { AdbState } from '../../core/device.ts';
import type { Failure, Result } from '../../core/result.ts';
import type { FileSlice } from './file-feed.ts';

/** A line of `adb devices`. */
export interface AdbDevice {
  readonly serial: string;
  readonly state: AdbState;
}

export interface ShellOutput {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ShellOptions {
  readonly signal?: AbortSignal | undefined;
  /** Default 15 s; null = no limit. Without an answer in this time the failure is `phone-timeout`. */
  readonly timeoutMs?: number | null;
  /** Fed to the command's standard input, then closed. Without it the input is closed at once. */
  readonly stdin?: FileSlice | Buffer | undefined;
  /** Bytes of `stdin` that the phone's side took, cumulative. */
  readonly onStdinBytes?: (bytes: number) => void;
}

export interface PhoneFile {
  readonly mode: number;
  readonly sizeBytes: number;
  /** Whole seconds, as the sync protocol carries it. */
  readonly mtimeMs: number;
}

export interface PushOptions {
  readonly signal?: AbortSignal | undefined;
  /** Permission bits; default 0644. */
  readonly mode?: number;
  /** Bytes that were handed to the adb server, cumulative. */
  readonly onBytes?: (bytes: number) => void;
}

/**
 * What the desktop needs of adb, over whichever library or server. All calls go through an adb server; none
 * ever kills it. Common failures: `adb-unreachable` (no server), `phone-gone` (unplugged, unauthorized or
 * offline), `phone-timeout`, `aborted`, `adb-error` (anything else, with adb's own words).
 */
export interface PhoneLink {
  readonly host: string;
  readonly port: number;
  /** Protocol version of the adb server (41 for platform-tools of today). */
  serverVersion(): Promise<Result<number>>;
  listDevices(): Promise<Result<readonly AdbDevice[]>>;
  /**
   * Calls `onDevices` with the whole list at once and on each change, until `stop` or `onEnd` (the server
   * went away; called once, not after `stop`).
   */
  trackDevices(
    onDevices: (devices: readonly AdbDevice[]) => void,
    onEnd: (failure: Failure) => void,
  ): Promise<Result<{ stop(): void }>>;
  /** `adb connect`; returns the serial. */
  connect(address: string): Promise<Result<string>>;
  /** `adb disconnect`: the server forgets the address. */
  disconnect(address: string): Promise<Result<null>>;
  /** Runs one command line by the phone's `sh`. A non-zero exit code is no failure. */
  shell(serial: string, command: string, options?: ShellOptions): Promise<Result<ShellOutput>>;
  /** Writes a file on the phone, replacing it. */
  push(
    serial: string,
    source: FileSlice | Buffer,
    path: string,
    options?: PushOptions,
  ): Promise<Result<null>>;
  /** The content of a file on the phone; the stream errors when the phone goes away. */
  pull(serial: string, path: string): Promise<Result<Readable>>;
  /** null = no such file. */
  stat(serial: string, path: string): Promise<Result<PhoneFile | null>>;
  /** Forwards a free local port to `devicePort` of the phone's loopback; returns the local port. */
  forward(serial: string, devicePort: number): Promise<Result<number>>;
  removeForward(serial: string, localPort: number): Promise<Result<null>>;
  /** The phone's `devicePort` reaches `hostPort` of this computer. */
  reverse(serial: string, devicePort: number, hostPort: number): Promise<Result<null>>;
}
