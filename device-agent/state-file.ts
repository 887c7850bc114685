import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AGENT_STATE_FILE, agentStateFileSchema, type AgentStateFile } from '../core/agent-api.ts';
import { parseJsonWith } from '../core/parse.ts';
import { writeWhole } from './profiler/profile-store.ts';

/** Writes `agent.json` for the desktop; readable by the owner only, it holds the token. Throws as fs does. */
export async function writeStateFile(home: string, state: AgentStateFile): Promise<void> {
  await mkdir(home, { recursive: true });
  await writeWhole(join(home, AGENT_STATE_FILE), JSON.stringify(state), 0o600);
}

/** Removes `agent.json` unless another agent has written its own meanwhile. */
export async function removeStateFile(home: string, pid: number): Promise<void> {
  const path = join(home, AGENT_STATE_FILE);
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) return;
  const state = parseJsonWith(agentStateFileSchema, text, path);
  if (state.ok && state.value.pid !== pid) return;
  await rm(path, { force: true }).catch(() => undefined);
}
