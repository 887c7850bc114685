/** What the other rooms' commands and tests use of the offline stage. */
export { elasticize, type ElasticizeOptions } from './elasticize.ts';
export type { OnProgress, Progress } from './progress.ts';
export { openSourceModel } from './sources/open-source-model.ts';
export { openGguf, type GgufModel } from './sources/gguf-model.ts';
export type { SourceModel } from './sources/source-model.ts';
export { tinySourceModel, TINY_CONFIG, type TinyOptions } from './sources/tiny-model.ts';
export { fetchHubModel, isHubId } from './sources/hub-model.ts';
export { writeGguf } from './sources/gguf-writer.ts';
export type { WritableGgmlType } from './sources/gguf-blocks.ts';
