import type { Duplex } from 'node:stream';
import type { PhoneDevice } from '../device.ts';
import { PhoneFileError } from '../files/errno.ts';
import type { PhoneWriter } from '../files/open-file.ts';
import { SYNC_DATA_MAX_BYTES, syncFail, syncHead } from './sync-records.ts';
import { writeChunk, type StreamReader } from './stream-io.ts';

const TYPE_MASK = 0o170000;
const LINK_TYPE = 0o120000;
/** Received data is written in pieces of at least this size, except at the end of a file. */
const WRITE_BYTES = 512 * 1024;

/**
 * Serves SEND (`path,mode`, DATA..., DONE mtime). After an error the data is swallowed up to DONE before FAIL is sent:
 * clients look for the answer only then.
 *
 * @returns false when the connection cannot go on.
 */
export async function receiveFile(
  device: PhoneDevice,
  stream: Duplex,
  reader: StreamReader,
  request: string,
): Promise<boolean> {
  const comma = request.lastIndexOf(',');
  const path = comma < 0 ? request : request.slice(0, comma);
  const mode = Number(comma < 0 ? 0o100644 : request.slice(comma + 1));
  const upload =
    (mode & TYPE_MASK) === LINK_TYPE ? new LinkUpload(device, path) : new FileUpload(device, path, mode);
  let failure = upload.start();
  try {
    for (;;) {
      const head = await reader.readExactly(8);
      const id = head.toString('latin1', 0, 4);
      const value = head.readUInt32LE(4);
      if (id === 'DONE') {
        failure ??= await upload.finish(value * 1000);
        await writeChunk(stream, failure === undefined ? syncHead('OKAY', 0) : syncFail(failure));
        return true;
      }
      if (id !== 'DATA' || value > SYNC_DATA_MAX_BYTES) {
        await upload.discard();
        await writeChunk(
          stream,
          syncFail(id === 'DATA' ? 'oversize data message' : `invalid data message: ${id}`),
        );
        return false;
      }
      for (let left = value; left > 0;) {
        const part = (await reader.readSome(left)) ?? (await reader.readExactly(left));
        left -= part.length;
        if (failure === undefined) {
          failure = await upload.take(part);
          if (failure !== undefined) await upload.discard();
        }
      }
    }
  } catch (error) {
    await upload.discard(); // The host went away: adbd leaves no half file.
    throw error;
  }
}

interface Upload {
  /** Each returns what to tell the host, undefined when all is well. */
  start(): string | undefined;
  take(bytes: Buffer): Promise<string | undefined>;
  finish(mtimeMs: number): Promise<string | undefined>;
  discard(): Promise<void>;
}

function told(what: string, error: unknown): string {
  if (error instanceof PhoneFileError) return `${what}: ${error.text}`;
  throw error;
}

class FileUpload implements Upload {
  readonly #device: PhoneDevice;
  readonly #path: string;
  readonly #mode: number;
  #writer: PhoneWriter | undefined;
  #pending: Buffer[] = [];
  #pendingBytes = 0;

  constructor(device: PhoneDevice, path: string, mode: number) {
    this.#device = device;
    this.#path = path;
    this.#mode = mode;
  }

  start(): string | undefined {
    const { files } = this.#device;
    const permissions = this.#mode & 0o777;
    try {
      files.mkdirs(this.#path.replace(/\/[^/]*$/, '') || '/');
      const old = files.statIfAny(this.#path, false);
      if (old !== undefined && old.kind !== 'directory') files.unlink(this.#path);
      // As adbd does, group and others get what the owner has.
      this.#writer = files.openWrite(
        this.#path,
        'w',
        permissions | ((permissions >> 3) & 0o70) | ((permissions >> 6) & 0o7),
      );
      return undefined;
    } catch (error) {
      return told("couldn't create file", error);
    }
  }

  async take(bytes: Buffer): Promise<string | undefined> {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    return this.#pendingBytes < WRITE_BYTES ? undefined : this.#flush();
  }

  async #flush(): Promise<string | undefined> {
    const pending = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    try {
      await this.#writer?.write(...pending);
      return undefined;
    } catch (error) {
      return told('write failed', error);
    }
  }

  async finish(mtimeMs: number): Promise<string | undefined> {
    const failure = await this.#flush();
    if (failure !== undefined) {
      await this.discard();
      return failure;
    }
    await this.#writer?.close();
    const { files, log } = this.#device;
    files.chmod(this.#path, (this.#mode & 0o777) | 0o600);
    files.setTimes(this.#path, mtimeMs);
    log.add('I', 'adbd', `received ${this.#path}`);
    return undefined;
  }

  async discard(): Promise<void> {
    this.#pending = [];
    if (this.#writer === undefined) return;
    await this.#writer.close();
    this.#writer = undefined;
    if (this.#device.files.statIfAny(this.#path, false)?.kind === 'file')
      this.#device.files.unlink(this.#path);
  }
}

class LinkUpload implements Upload {
  readonly #device: PhoneDevice;
  readonly #path: string;
  #text = '';

  constructor(device: PhoneDevice, path: string) {
    this.#device = device;
    this.#path = path;
  }

  start(): string | undefined {
    return undefined;
  }

  take(bytes: Buffer): Promise<string | undefined> {
    this.#text += bytes.toString('utf8');
    return Promise.resolve(undefined);
  }

  finish(): Promise<string | undefined> {
    const { files } = this.#device;
    try {
      files.mkdirs(this.#path.replace(/\/[^/]*$/, '') || '/');
      if (files.statIfAny(this.#path, false)?.kind === 'symlink') files.unlink(this.#path);
      files.symlink(this.#text.replace(/\0.*$/s, ''), this.#path);
      return Promise.resolve(undefined);
    } catch (error) {
      return Promise.resolve(told("couldn't create symlink", error));
    }
  }

  discard(): Promise<void> {
    return Promise.resolve();
  }
}
