import type { AgentEvent } from '../../core/agent-event.ts';
import type { BundleManifest } from '../../core/bundle-manifest.ts';
import type { Device } from '../../core/device.ts';
import type { PhoneLink } from '../adb/phone-link.ts';
import type { AgentClient } from '../agent/agent-client.ts';
import type { TokenStore } from '../agent/token-store.ts';
import type { HashCache } from '../files/hash-cache.ts';
import type { RuntimePacks } from '../packs/runtime-packs.ts';
import type { DesktopOptions } from './options.ts';
import type { ProfileStore } from './profile-store.ts';

/** What the session service works with; everything is given, so tests pass their own. */
export interface SessionServiceDeps {
  readonly link: PhoneLink;
  readonly device: (serial: string) => Device | undefined;
  readonly tokens: TokenStore;
  readonly hashes: HashCache;
  readonly profiles: ProfileStore;
  readonly packs: RuntimePacks;
  readonly options: Pick<DesktopOptions, 'agentDir' | 'onnxruntimeDir' | 'threads' | 'guardCorrection'>;
  readonly onChange: () => void;
  readonly onEvent: (event: AgentEvent) => void;
  /** The agent is ready, for the first time or again. */
  readonly onReady: (client: AgentClient) => void;
  readonly onNote: (severity: 'info' | 'warning' | 'error', text: string) => void;
}

/** A bundle on this computer. */
export interface LocalBundle {
  readonly path: string;
  readonly manifest: BundleManifest;
}
