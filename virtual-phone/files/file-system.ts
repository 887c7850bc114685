import * as fs from 'node:fs';
import { isAbsolute, join, relative, sep } from 'node:path';
import { PhoneFileError, withPhonePath } from './errno.ts';
import {
  FACTORY_FOLDERS,
  FACTORY_LINKS,
  isSynthetic,
  isUnlistable,
  ownerOf,
  writeRefusal,
} from './layout.ts';
import { deviceReader, hostReader, memoryReader, PhoneWriter, type PhoneReader } from './open-file.ts';
import { climbsAboveRoot, walkPath } from './path-walk.ts';
import { factoryNames, phoneStat, syntheticStat, type PhoneStat } from './phone-stat.ts';
import { StorageMeter } from './storage-meter.ts';
import type { SyntheticLookup, SyntheticNode } from './synthetic.ts';

export interface FileSystemOptions {
  /** Host folder that holds the phone's files. */
  readonly root: string;
  readonly capacityBytes: number;
  readonly synthetic: SyntheticLookup;
}

/**
 * The phone's files: phone paths mapped into one host folder, with Android's layout, owners and permissions as uid
 * shell sees them. Nothing outside the folder is reachable: links and `..` are resolved here, not by the host.
 * Paths are absolute phone paths. Every method throws {@link PhoneFileError}.
 */
export class PhoneFileSystem {
  readonly root: string;
  readonly meter: StorageMeter;
  readonly #synthetic: SyntheticLookup;

  constructor(options: FileSystemOptions) {
    this.#synthetic = options.synthetic;
    for (const folder of FACTORY_FOLDERS) fs.mkdirSync(join(options.root, folder), { recursive: true });
    // Links that processes make name the real path.
    this.root = fs.realpathSync(options.root);
    this.meter = new StorageMeter(this.root, options.capacityBytes);
  }

  /** Canonical phone path; see {@link walkPath}. */
  resolve(path: string, followLast = true, cwd = '/'): string {
    return walkPath(cwd, path, (at) => this.#linkText(at), followLast);
  }

  /** Host path of a phone path, for a process of the host that stands for one of the phone. */
  hostPath(path: string, cwd = '/'): string {
    return this.#hostOf(this.resolve(path, true, cwd));
  }

  stat(path: string): PhoneStat {
    return this.#statOf(this.resolve(path), path);
  }

  lstat(path: string): PhoneStat {
    return this.#statOf(this.resolve(path, false), path);
  }

  /** As {@link stat}, undefined when there is no such file or it cannot be seen. */
  statIfAny(path: string, followLast = true): PhoneStat | undefined {
    try {
      return followLast ? this.stat(path) : this.lstat(path);
    } catch (error) {
      if (error instanceof PhoneFileError) return undefined;
      throw error;
    }
  }

  readdir(path: string): string[] {
    const at = this.resolve(path);
    if (isUnlistable(at)) throw new PhoneFileError('EACCES', path);
    const node = this.#node(at);
    if (node !== undefined && node.kind !== 'directory') throw new PhoneFileError('ENOTDIR', path);
    const made = [...(node?.names() ?? []), ...factoryNames(at)];
    const host = isSynthetic(at) ? [] : withPhonePath(path, () => this.#hostNames(at, made.length > 0));
    return [...new Set([...host, ...made])].sort();
  }

  readlink(path: string): string {
    const text = this.#linkText(this.resolve(path, false));
    if (text === undefined) throw new PhoneFileError('EINVAL', path);
    return text;
  }

  openRead(path: string): PhoneReader {
    const at = this.resolve(path);
    const node = this.#node(at);
    if (node?.kind === 'device') return deviceReader(node.device);
    if (node?.kind === 'file') return memoryReader(Buffer.from(node.read()));
    const stat = this.#statOf(at, path);
    if (stat.kind === 'directory') throw new PhoneFileError('EISDIR', path);
    if ((stat.mode & 0o400) === 0) throw new PhoneFileError('EACCES', path);
    return hostReader(
      withPhonePath(path, () => fs.openSync(this.#hostOf(at), 'r')),
      path,
    );
  }

  /** @param flags `w` empties an old file, `a` appends, `r+` keeps it (and makes it when missing). */
  openWrite(path: string, flags: 'w' | 'a' | 'r+', mode = 0o666): PhoneWriter {
    const at = this.#writable(this.resolve(path), path);
    const host = this.#hostOf(at);
    const old = withPhonePath(path, () => fs.lstatSync(host, { throwIfNoEntry: false }));
    if (old?.isDirectory() === true) throw new PhoneFileError('EISDIR', path);
    if (old !== undefined && (old.mode & 0o200) === 0) throw new PhoneFileError('EACCES', path);
    if (flags === 'w' && old !== undefined) this.meter.release(old.size);
    const hostFlags = flags === 'r+' && old === undefined ? 'w+' : flags;
    const fd = withPhonePath(path, () => fs.openSync(host, hostFlags, mode));
    return new PhoneWriter(path, fd, this.meter, flags === 'a');
  }

  mkdir(path: string, mode = 0o777): void {
    const at = this.resolve(path);
    if (this.statIfAny(at) !== undefined) throw new PhoneFileError('EEXIST', path);
    withPhonePath(path, () => fs.mkdirSync(this.#hostOf(this.#writable(at, path)), { mode }));
  }

  mkdirs(path: string): void {
    const stat = this.statIfAny(path);
    if (stat?.kind === 'directory') return;
    if (stat !== undefined) throw new PhoneFileError('EEXIST', path);
    const parent = path.replace(/\/+[^/]*\/*$/, '');
    if (parent !== '') this.mkdirs(parent);
    this.mkdir(path);
  }

  rmdir(path: string): void {
    const at = this.#writable(this.resolve(path, false), path);
    withPhonePath(path, () => fs.rmdirSync(this.#hostOf(at)));
  }

  unlink(path: string): void {
    const stat = this.lstat(path);
    const at = this.#writable(this.resolve(path, false), path);
    if (stat.kind === 'directory') throw new PhoneFileError('EISDIR', path);
    withPhonePath(path, () => fs.unlinkSync(this.#hostOf(at)));
    if (stat.kind === 'file') this.meter.release(stat.sizeBytes);
  }

  rename(from: string, to: string): void {
    this.lstat(from);
    const source = this.#writable(this.resolve(from, false), from);
    const target = this.#writable(this.resolve(to, false), to);
    const replaced = this.statIfAny(target, false);
    withPhonePath(to, () => fs.renameSync(this.#hostOf(source), this.#hostOf(target)));
    if (replaced?.kind === 'file' && source !== target) this.meter.release(replaced.sizeBytes);
  }

  /** Makes a link; on the host it points into the phone's folder, also where its text would climb out of it. */
  symlink(text: string, path: string): void {
    const at = this.#writable(this.resolve(path, false), path);
    const folder = at.slice(0, at.lastIndexOf('/')) || '/';
    const outside = text.startsWith('/') || climbsAboveRoot(folder, text);
    const hostText = outside ? this.#hostOf(walkPath(folder, text, () => undefined, false)) : text;
    withPhonePath(path, () => fs.symlinkSync(hostText, this.#hostOf(at)));
  }

  chmod(path: string, mode: number): void {
    this.stat(path);
    const at = this.#owned(path);
    withPhonePath(path, () => fs.chmodSync(this.#hostOf(at), mode & 0o7777));
  }

  setTimes(path: string, mtimeMs: number): void {
    this.stat(path);
    const at = this.#owned(path);
    withPhonePath(path, () => fs.utimesSync(this.#hostOf(at), mtimeMs / 1000, mtimeMs / 1000));
  }

  truncate(path: string, sizeBytes: number): void {
    const at = this.#writable(this.resolve(path), path);
    const growth = sizeBytes - (this.statIfAny(at)?.sizeBytes ?? 0);
    if (!this.meter.reserve(growth)) throw new PhoneFileError('ENOSPC', path);
    if (growth < 0) this.meter.release(-growth);
    withPhonePath(path, () => {
      const fd = fs.openSync(this.#hostOf(at), fs.constants.O_RDWR | fs.constants.O_CREAT, 0o666);
      fs.ftruncateSync(fd, sizeBytes);
      fs.closeSync(fd);
    });
  }

  #hostOf(canonical: string): string {
    if (canonical.startsWith('/dev/')) return canonical;
    return canonical === '/' ? this.root : join(this.root, canonical);
  }

  #node(canonical: string): SyntheticNode | undefined {
    return this.#synthetic(canonical);
  }

  #writable(canonical: string, path: string): string {
    const refusal = writeRefusal(canonical);
    if (refusal !== undefined) throw new PhoneFileError(refusal, path);
    return canonical;
  }

  #owned(path: string): string {
    const at = this.resolve(path);
    const refusal = writeRefusal(at);
    if (refusal !== undefined) throw new PhoneFileError(refusal === 'EROFS' ? 'EROFS' : 'EPERM', path);
    return at;
  }

  #linkText(canonical: string): string | undefined {
    const factory = FACTORY_LINKS.get(canonical);
    if (factory !== undefined) return factory;
    if (isSynthetic(canonical)) return undefined;
    const host = this.#hostOf(canonical);
    try {
      if (fs.lstatSync(host, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return undefined;
    } catch {
      return undefined; // A file stands where a folder is expected: the operation itself says so.
    }
    const text = fs.readlinkSync(host);
    if (!isAbsolute(text)) return text;
    const inside = relative(this.root, text);
    // A process may have written any link: what points out of the folder means the phone's own path of that name.
    return inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)
      ? text
      : `/${inside.split(sep).join('/')}`;
  }

  #hostNames(canonical: string, mayBeMissing: boolean): string[] {
    const host = this.#hostOf(canonical);
    return mayBeMissing && !fs.existsSync(host) ? [] : fs.readdirSync(host);
  }

  #statOf(canonical: string, path: string): PhoneStat {
    const link = FACTORY_LINKS.get(canonical);
    if (link !== undefined) return syntheticStat(canonical, { kind: 'link', text: link });
    const node = this.#node(canonical);
    if (node !== undefined) return syntheticStat(canonical, node);
    if (isSynthetic(canonical)) throw new PhoneFileError('ENOENT', path);
    const stat = withPhonePath(path, () => fs.lstatSync(this.#hostOf(canonical)));
    return phoneStat(canonical, stat, ownerOf(canonical));
  }
}
