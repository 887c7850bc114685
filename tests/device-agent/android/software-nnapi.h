/*
 * NNAPI with one device in software, `software-npu`, and NNAPI's own CPU device beside it, as phones have one. It computes
 * in float32 whatever it is allowed. SOFTWARE_NNAPI=declines: the device takes no operation; =wrong: its fully connected
 * layers are off by half. Models are never freed; the process that loads this is short-lived.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { MAX_RANK = 8, NO_ERROR = 0, BAD_DATA = 4 };

struct operand {
  uint32_t rank, dims[MAX_RANK];
  void *data;
};

struct operation {
  int32_t code;
  uint32_t inputs, outputs, *in, *out;
};

struct model {
  struct operand *operands;
  struct operation *operations;
  uint32_t operand_count, operation_count, input_count, output_count, *in, *out;
};

/* Whether SOFTWARE_NNAPI asks for it. */
int is_mode(const char *mode);

size_t size_of(const struct operand *operand);

/* Computes one operation into its outputs, which have room. */
int run_operation(struct model *model, const struct operation *op);
