#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "software-nnapi.h"

enum { TYPE_CPU = 2, TYPE_ACCELERATOR = 4, FEATURE_LEVEL = 1000006 };

struct operand_type {
  int32_t type;
  uint32_t rank;
  const uint32_t *dims;
  float scale;
  int32_t zero_point;
};

struct memory {
  uint8_t *map;
  size_t size;
};

struct execution {
  struct model *model;
  void **inputs, **outputs;
};

int is_mode(const char *mode) {
  const char *asked = getenv("SOFTWARE_NNAPI");
  return asked != NULL && strcmp(asked, mode) == 0;
}

static uint32_t *copied(const uint32_t *from, uint32_t count) {
  uint32_t *copy = malloc((count + 1) * sizeof *copy);
  memcpy(copy, from, count * sizeof *copy);
  return copy;
}

int ANeuralNetworksMemory_createFromFd(size_t size, int protection, int file, size_t offset, struct memory **memory) {
  *memory = malloc(sizeof **memory);
  **memory = (struct memory){mmap(NULL, size, protection, MAP_SHARED, file, (off_t)offset), size};
  return (*memory)->map == MAP_FAILED ? BAD_DATA : NO_ERROR;
}

void ANeuralNetworksMemory_free(struct memory *memory) {
  if (memory == NULL) return;
  munmap(memory->map, memory->size);
  free(memory);
}

int ANeuralNetworksModel_create(struct model **model) {
  *model = calloc(1, sizeof **model);
  return NO_ERROR;
}

void ANeuralNetworksModel_free(struct model *model) { (void)model; }

int ANeuralNetworksModel_finish(struct model *model) {
  (void)model;
  return NO_ERROR;
}

int ANeuralNetworksModel_addOperand(struct model *model, const struct operand_type *type) {
  model->operands = realloc(model->operands, (model->operand_count + 1) * sizeof *model->operands);
  struct operand *operand = &model->operands[model->operand_count++];
  *operand = (struct operand){.rank = type->rank};
  if (type->rank > MAX_RANK) return BAD_DATA;
  if (type->rank > 0) memcpy(operand->dims, type->dims, type->rank * sizeof *operand->dims);
  return NO_ERROR;
}

int ANeuralNetworksModel_setOperandValue(struct model *model, int32_t index, const void *value, size_t size) {
  model->operands[index].data = memcpy(malloc(size + 1), value, size);
  return NO_ERROR;
}

int ANeuralNetworksModel_setOperandValueFromMemory(struct model *model, int32_t index, const struct memory *memory,
                                                   size_t offset, size_t size) {
  return ANeuralNetworksModel_setOperandValue(model, index, memory->map + offset, size);
}

int ANeuralNetworksModel_addOperation(struct model *model, int32_t code, uint32_t inputs, const uint32_t *in,
                                      uint32_t outputs, const uint32_t *out) {
  model->operations = realloc(model->operations, (model->operation_count + 1) * sizeof *model->operations);
  model->operations[model->operation_count++] =
      (struct operation){code, inputs, outputs, copied(in, inputs), copied(out, outputs)};
  return NO_ERROR;
}

int ANeuralNetworksModel_identifyInputsAndOutputs(struct model *model, uint32_t inputs, const uint32_t *in,
                                                  uint32_t outputs, const uint32_t *out) {
  model->input_count = inputs;
  model->output_count = outputs;
  model->in = copied(in, inputs);
  model->out = copied(out, outputs);
  return NO_ERROR;
}

int ANeuralNetworksModel_relaxComputationFloat32toFloat16(struct model *model, _Bool allow) {
  (void)model, (void)allow;
  return NO_ERROR;
}

int ANeuralNetworksModel_getSupportedOperationsForDevices(const struct model *model, const void *const *devices,
                                                          uint32_t count, _Bool *supported) {
  (void)devices, (void)count;
  for (uint32_t i = 0; i < model->operation_count; i++) supported[i] = !is_mode("declines");
  return NO_ERROR;
}

int ANeuralNetworksCompilation_create(struct model *model, struct model **compilation) {
  *compilation = model;
  return NO_ERROR;
}

int ANeuralNetworksCompilation_createForDevices(struct model *model, const void *const *devices, uint32_t count,
                                                struct model **compilation) {
  (void)devices, (void)count;
  *compilation = model;
  return NO_ERROR;
}

void ANeuralNetworksCompilation_free(struct model *compilation) { (void)compilation; }

int ANeuralNetworksCompilation_setPreference(struct model *compilation, int32_t preference) {
  (void)compilation, (void)preference;
  return NO_ERROR;
}

int ANeuralNetworksCompilation_finish(struct model *compilation) {
  (void)compilation;
  return NO_ERROR;
}

int ANeuralNetworksExecution_create(struct model *compilation, struct execution **execution) {
  *execution = malloc(sizeof **execution);
  **execution = (struct execution){compilation, calloc(compilation->input_count + 1, sizeof(void *)),
                                   calloc(compilation->output_count + 1, sizeof(void *))};
  return NO_ERROR;
}

void ANeuralNetworksExecution_free(struct execution *execution) {
  free(execution->inputs);
  free(execution->outputs);
  free(execution);
}

int ANeuralNetworksExecution_setInput(struct execution *execution, int32_t index, const struct operand_type *type,
                                      const void *buffer, size_t length) {
  (void)type, (void)length;
  execution->inputs[index] = (void *)buffer;
  return NO_ERROR;
}

int ANeuralNetworksExecution_setOutput(struct execution *execution, int32_t index, const struct operand_type *type,
                                       void *buffer, size_t length) {
  (void)type, (void)length;
  execution->outputs[index] = buffer;
  return NO_ERROR;
}

int ANeuralNetworksExecution_setInputFromMemory(struct execution *execution, int32_t index,
                                                const struct operand_type *type, const struct memory *memory,
                                                size_t offset, size_t length) {
  return ANeuralNetworksExecution_setInput(execution, index, type, memory->map + offset, length);
}

int ANeuralNetworksExecution_setOutputFromMemory(struct execution *execution, int32_t index,
                                                 const struct operand_type *type, const struct memory *memory,
                                                 size_t offset, size_t length) {
  return ANeuralNetworksExecution_setOutput(execution, index, type, memory->map + offset, length);
}

int ANeuralNetworksExecution_compute(struct execution *execution) {
  struct model *model = execution->model;
  for (uint32_t i = 0; i < model->input_count; i++) model->operands[model->in[i]].data = execution->inputs[i];
  for (uint32_t i = 0; i < model->output_count; i++) model->operands[model->out[i]].data = execution->outputs[i];
  for (uint32_t i = 0; i < model->operation_count; i++) {
    const struct operation *op = &model->operations[i];
    for (uint32_t o = 0; o < op->outputs; o++) {
      struct operand *output = &model->operands[op->out[o]];
      if (output->data == NULL) output->data = malloc(size_of(output) * sizeof(float));
    }
    const int result = run_operation(model, op);
    if (result != NO_ERROR) return result;
  }
  return NO_ERROR;
}

int ANeuralNetworksExecution_startCompute(struct execution *execution, void **event) {
  *event = malloc(1);
  return ANeuralNetworksExecution_compute(execution);
}

int ANeuralNetworksEvent_wait(void *event) {
  (void)event;
  return NO_ERROR;
}

void ANeuralNetworksEvent_free(void *event) { free(event); }

int ANeuralNetworksExecution_getOutputOperandRank(struct execution *execution, int32_t index, uint32_t *rank) {
  *rank = execution->model->operands[execution->model->out[index]].rank;
  return NO_ERROR;
}

int ANeuralNetworksExecution_getOutputOperandDimensions(struct execution *execution, int32_t index, uint32_t *dims) {
  const struct operand *operand = &execution->model->operands[execution->model->out[index]];
  memcpy(dims, operand->dims, operand->rank * sizeof *dims);
  return NO_ERROR;
}

static const int DEVICES[] = {TYPE_ACCELERATOR, TYPE_CPU};

int ANeuralNetworks_getDeviceCount(uint32_t *count) {
  *count = 2;
  return NO_ERROR;
}

int ANeuralNetworks_getDevice(uint32_t index, const int **device) {
  *device = &DEVICES[index];
  return NO_ERROR;
}

int ANeuralNetworksDevice_getName(const int *device, const char **name) {
  *name = *device == TYPE_CPU ? "nnapi-reference" : "software-npu";
  return NO_ERROR;
}

int ANeuralNetworksDevice_getVersion(const int *device, const char **version) {
  (void)device;
  *version = "1";
  return NO_ERROR;
}

int ANeuralNetworksDevice_getType(const int *device, int32_t *type) {
  *type = *device;
  return NO_ERROR;
}

int ANeuralNetworksDevice_getFeatureLevel(const int *device, int64_t *level) {
  (void)device;
  *level = FEATURE_LEVEL;
  return NO_ERROR;
}

int64_t ANeuralNetworks_getRuntimeFeatureLevel(void) { return FEATURE_LEVEL; }
