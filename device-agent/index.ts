/** What other rooms (bench, tests) use of the agent. */
export { startAgent, type Agent, type AgentParts } from './agent.ts';
export { ElasticEngine, PREFILL_CHUNK, type PrefillOptions, type Sequence } from './engine/elastic-engine.ts';
export {
  openEngine,
  type OpenedEngine,
  type OpenEngineOptions,
  type SegmentForm,
} from './engine/open-engine.ts';
export { openTlm, type Tlm } from './tlm/tlm.ts';
export { readManifest, verifyBundle } from './engine/verify-bundle.ts';
export { defaultThreads } from './engine/open-session.ts';
export { readPssBytes } from './telemetry/process-stats.ts';
