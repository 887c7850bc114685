import { Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { unwrap } from '../../core/result.ts';
import { buildProbe, PROBE } from '../../device-agent/proof/probe-graph.ts';
import { probeSubject } from '../../device-agent/proof/probe-subject.ts';
import { onnxRuntime } from '../../device-agent/proof/proof-runtime.ts';
import { kernelCount, parseProfile, placementOf } from '../../device-agent/proof/profile-events.ts';

/** Lines as ONNX Runtime writes them; the last as it shows a partition that a provider compiled. */
const event = (name: string, provider: string, index: number, durUs: number): object => ({
  cat: 'Node',
  pid: 1,
  tid: 1,
  dur: durUs,
  ts: 1,
  ph: 'X',
  name: `${name}_kernel_time`,
  args: { op_name: name, provider, node_index: String(index), output_size: '8' },
});
const session = { cat: 'Session', pid: 1, tid: 1, dur: 9, ts: 1, ph: 'X', name: 'model_run', args: {} };
const CPU = 'CPUExecutionProvider';
const NNAPI = 'NnapiExecutionProvider';

const read = (events: readonly object[]) => unwrap(parseProfile(JSON.stringify(events)));

describe('a real profile of the stock runtime', () => {
  test('names the CPU for every node of the probe, and counts as many as the graph has after folding', async () => {
    const runtime = onnxRuntime(1);
    const opened = unwrap(await runtime.open(probeSubject(), 'cpu', 'profiled'));
    const output = unwrap(await opened.run());
    const events = unwrap(await opened.close());
    expect(output).toHaveLength(PROBE.tokens * PROBE.vocabulary);
    const placement = placementOf(events, 'cpu', kernelCount(events));
    expect(placement.nodes).toBeGreaterThan(35);
    expect(placement).toMatchObject({ share: 1, nodesOnProvider: placement.nodes });
    expect(placement.ran).toEqual([
      { provider: CPU, kernels: placement.nodes, ms: expect.any(Number) as number },
    ]);
    expect(placementOf(events, 'nnapi', kernelCount(events))).toMatchObject({
      nodesOnProvider: 0,
      share: 0,
      partitions: 0,
    });
  });

  test('two runs of one session are the same kernels', async () => {
    const opened = unwrap(await onnxRuntime(1).open(probeSubject(), 'cpu', 'profiled'));
    unwrap(await opened.run());
    unwrap(await opened.run());
    const twice = unwrap(await opened.close());
    expect(twice.length).toBe(2 * kernelCount(twice));
  });

  test('the probe is the same graph and input each time, and its output is no constant', async () => {
    expect(Buffer.compare(buildProbe().bytes, buildProbe().bytes)).toBe(0);
    const opened = unwrap(await onnxRuntime(1).open(probeSubject(), 'cpu', 'serving'));
    const output = unwrap(await opened.run());
    expect(unwrap(await opened.close())).toEqual([]);
    expect(new Set(output).size).toBeGreaterThan(1000);
    expect(output.every(Number.isFinite)).toBe(true);
  });

  test('a graph that the runtime refuses, or that lacks the output, is a failure in words', async () => {
    const subject = probeSubject();
    const broken = await onnxRuntime(1).open(
      { ...subject, model: Buffer.from('no graph') },
      'cpu',
      'profiled',
    );
    expect(broken).toMatchObject({ ok: false, failure: { code: 'provider-refused' } });
    const opened = unwrap(await onnxRuntime(1).open({ ...subject, output: 'nothing' }, 'cpu', 'serving'));
    expect(await opened.run()).toMatchObject({ ok: false, failure: { code: 'provider-run' } });
    await opened.close();
    const feeds = { ...subject.feeds, x: new Tensor('float32', new Float32Array(4), [2, 2]) };
    const wrong = unwrap(await onnxRuntime(1).open({ ...subject, feeds }, 'cpu', 'serving'));
    expect(await wrong.run()).toMatchObject({ ok: false, failure: { code: 'provider-run' } });
    await wrong.close();
  });
});

describe('placement', () => {
  test('a compiled partition stands for the nodes that are missing among the others', () => {
    const events = read([
      session,
      event('NNAPI_1', NNAPI, 40, 500),
      event('a', CPU, 1, 10),
      event('b', CPU, 2, 20),
    ]);
    expect(placementOf(events, 'nnapi', 10)).toEqual({
      nodes: 10,
      nodesOnProvider: 8,
      share: 0.8,
      partitions: 1,
      ran: [
        { provider: CPU, kernels: 2, ms: 0.03 },
        { provider: NNAPI, kernels: 1, ms: 0.5 },
      ],
    });
  });

  test('a provider with kernels of its own never has fewer nodes than kernels', () => {
    const own = [1, 2, 3].map((i) => event(`m${i}`, 'XnnpackExecutionProvider', i, 1));
    const left = [4, 5, 6, 7].map((i) => event(`n${i}`, CPU, i, 1));
    expect(placementOf(read([...own, ...left]), 'xnnpack', 6)).toMatchObject({
      nodesOnProvider: 3,
      partitions: 3,
    });
  });

  test('a session that fell back silently has nothing on the provider', () => {
    const events = read([event('a', CPU, 1, 1), event('b', CPU, 2, 1)]);
    expect(placementOf(events, 'nnapi', 2)).toMatchObject({ nodesOnProvider: 0, share: 0, partitions: 0 });
  });
});

test.each([
  ['no JSON', '[{"cat":', 'invalid-json'],
  ['no list', '{}', 'invalid-input'],
  ['events without category', '[{"name":"x"}]', 'invalid-input'],
])('%s is a failure', (_what, text, code) => {
  expect(parseProfile(text)).toMatchObject({ ok: false, failure: { code } });
});

test('events of other kinds and kernels without a provider are left out', () => {
  expect(
    read([
      session,
      { cat: 'Node', name: 'x_fence_before', dur: 1, args: {} },
      { cat: 'Node', name: 'x_kernel_time', dur: 1, args: { provider: '' } },
      { cat: 'Api', name: 'y', ts: 3 },
      event('z', CPU, 7, 2500),
    ]),
  ).toEqual([{ name: 'z#7', provider: CPU, ms: 2.5 }]);
});
