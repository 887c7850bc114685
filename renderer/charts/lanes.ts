import { formatBytes } from '../format/units.ts';
import type { TermId } from '../format/glossary.ts';
import type { Lane } from './lane.ts';
import { latencyLane } from './latency-lane.ts';
import { levelLane } from './level-lane.ts';
import { seriesLane } from './series-lane.ts';

export type LaneId = 'ttft' | 'tpot' | 'level' | 'queue' | 'temperature' | 'memory';

export interface LaneSpec {
  readonly id: LaneId;
  readonly term: TermId;
  readonly title: string;
  /** For screen readers. */
  readonly description: string;
  readonly make: () => Lane;
}

/** The charts, top to bottom; the last one carries the time axis. */
export const LANES: readonly LaneSpec[] = [
  {
    id: 'ttft',
    term: 'ttft',
    title: 'TTFT',
    description: 'TTFT of each request at its arrival, against its SLO',
    make: () => latencyLane('ttft'),
  },
  {
    id: 'tpot',
    term: 'tpot',
    title: 'TPOT',
    description: 'TPOT of each request at its arrival, against its SLO',
    make: () => latencyLane('tpot'),
  },
  {
    id: 'level',
    term: 'level',
    title: 'LEVEL',
    description: 'Level in use over time, switches ticked, the guard’s interventions marked',
    make: levelLane,
  },
  {
    id: 'queue',
    term: 'queue',
    title: 'QUEUE',
    description: 'Requests waiting at the agent over time',
    make: () =>
      seriesLane({
        id: 'queue',
        name: 'queue',
        steps: true,
        fromZero: true,
        leastSpan: 2,
        formatY: (value) => String(Math.round(value)),
      }),
  },
  {
    id: 'temperature',
    term: 'temperature',
    title: 'TEMP',
    description: 'Hottest sensor of the phone over time, degrees Celsius',
    make: () =>
      seriesLane({
        id: 'temperature',
        name: 'temperatureC',
        steps: false,
        fromZero: false,
        leastSpan: 4,
        formatY: (value) => `${value.toFixed(0)} °C`,
      }),
  },
  {
    id: 'memory',
    term: 'memory',
    title: 'MEMORY',
    description: 'Memory of the agent over time',
    make: () =>
      seriesLane({
        id: 'memory',
        name: 'memoryBytes',
        steps: false,
        fromZero: true,
        leastSpan: 100e6,
        formatY: (value) => (value === 0 ? '0' : formatBytes(value)),
      }),
  },
];
