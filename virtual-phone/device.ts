import { join } from 'node:path';
import { PhoneFileSystem } from './files/file-system.ts';
import { deviceNodes, mergeLookups, type SyntheticLookup } from './files/synthetic.ts';
import { MIB } from './files/storage-meter.ts';
import { hostMachine, type Machine } from './machine.ts';
import type { PhoneOptions } from './options.ts';
import { ProcessRecord } from './processes/leftovers.ts';
import { ProcessTable } from './processes/process-table.ts';
import { signalGroup } from './processes/host-process.ts';
import { factoryProperties } from './profile/properties.ts';
import { hardwareFiles, putCpuInfo } from './profile/hardware-files.ts';
import { processFiles } from './processes/process-files.ts';
import { SystemLog } from './profile/system-log.ts';
import { ThermalService } from './profile/thermal-runtime.ts';
import { COMMANDS } from './shell/commands/index.ts';
import { Interpreter } from './shell/interpreter.ts';

/** How long processes may take to end when the phone is switched off. */
const SHUTDOWN_GRACE_MS = 1500;

/** The one phone behind both doors: files, processes, properties, heat and shell. */
export class PhoneDevice {
  readonly options: PhoneOptions;
  readonly stateDir: string;
  readonly machine: Machine;
  readonly properties: Map<string, string>;
  readonly files: PhoneFileSystem;
  readonly processes = new ProcessTable();
  readonly record: ProcessRecord;
  readonly log = new SystemLog();
  readonly thermal: ThermalService;
  readonly interpreter: Interpreter;
  readonly nodePath: string;
  readonly bootedAtMs = Date.now();
  /** Aborted when the phone is switched off. */
  readonly lifetime: AbortSignal;
  readonly #switchOff = new AbortController();

  constructor(options: PhoneOptions, stateDir: string, machine: Machine = hostMachine()) {
    this.options = options;
    this.stateDir = stateDir;
    this.machine = machine;
    this.lifetime = this.#switchOff.signal;
    this.nodePath = options.nodePath ?? process.execPath;
    this.properties = factoryProperties(options.serial, machine);
    this.record = new ProcessRecord(stateDir);
    this.thermal = new ThermalService(options, this.processes);
    this.files = new PhoneFileSystem({
      root: join(stateDir, 'files'),
      capacityBytes: options.storageMib * MIB,
      synthetic: mergeLookups([
        deviceNodes,
        processFiles(this.processes),
        hardwareFiles(this),
        this.#factoryFiles(),
      ]),
    });
    this.thermal.mirrorInto(this.files.root);
    putCpuInfo(machine, this.files.root);
    this.interpreter = new Interpreter(
      this,
      machine.hasNode ? COMMANDS : new Map([...COMMANDS].filter(([name]) => name !== 'node')),
    );
    const killed = this.record.killLeftovers();
    if (killed > 0)
      this.log.add('W', 'process', `ended ${killed} process(es) that an earlier phone left running`);
    this.log.add('I', 'boot', `${options.serial} is up`);
  }

  /** `/system/build.prop` and the programs of `/system/bin`, which run inside the phone's own shell. */
  #factoryFiles(): SyntheticLookup {
    return (path) => {
      if (path === '/system/build.prop')
        return {
          kind: 'file',
          read: () =>
            [...this.properties]
              .filter(([name]) => name.startsWith('ro.'))
              .map(([name, value]) => `${name}=${value}\n`)
              .join(''),
        };
      if (path === '/system')
        return { kind: 'directory', names: () => ['bin', 'build.prop', 'etc', 'lib64'] };
      if (path === '/system/bin')
        return { kind: 'directory', names: () => [...this.interpreter.commands.keys()] };
      const name = path.startsWith('/system/bin/') ? path.slice('/system/bin/'.length) : undefined;
      return name !== undefined && this.interpreter.commands.has(name)
        ? { kind: 'file', read: () => '#!/system/bin/sh\n# part of the virtual phone\n' }
        : undefined;
    };
  }

  /** Switches the phone off: its processes get SIGTERM, then SIGKILL. */
  async shutdown(): Promise<void> {
    this.thermal.stop();
    this.#switchOff.abort('SIGTERM');
    const alive = (): number[] =>
      this.processes
        .list()
        .filter((entry) => entry.isHostProcess)
        .map((entry) => entry.pid);
    for (const pid of alive()) signalGroup(pid, 'SIGTERM');
    const deadline = Date.now() + SHUTDOWN_GRACE_MS;
    while (alive().length > 0 && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 20));
    this.killNow();
  }

  /** Ends every process at once; safe in an `exit` handler. */
  killNow(): void {
    for (const entry of this.processes.list()) if (entry.isHostProcess) signalGroup(entry.pid, 'SIGKILL');
  }
}
