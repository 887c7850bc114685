import { spawn, spawnSync, type ChildProcess } from 'node:child_process';

/** A display in memory for Electron; null where there is no Xvfb. */
export class Display {
  readonly name: string;
  readonly #server: ChildProcess;

  private constructor(server: ChildProcess, name: string) {
    this.#server = server;
    this.name = name;
  }

  static async open(): Promise<Display | null> {
    if (spawnSync('Xvfb', ['-help'], { stdio: 'ignore' }).error !== undefined) return null;
    const server = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1280x800x24', '-nolisten', 'tcp'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    const name = await new Promise<string>((done, failed) => {
      server.stdio[3]?.once('data', (chunk: Buffer) => done(`:${chunk.toString().trim()}`));
      server.once('exit', (code) => failed(new Error(`Xvfb ended with ${code}`)));
    });
    return new Display(server, name);
  }

  close(): void {
    this.#server.kill('SIGTERM');
  }
}
