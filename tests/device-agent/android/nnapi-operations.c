#include "software-nnapi.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of NeuralNetworks.h. */
enum {
  OP_ADD = 0,
  OP_CONCATENATION = 2,
  OP_FULLY_CONNECTED = 9,
  OP_LOGISTIC = 14,
  OP_MUL = 18,
  OP_RESHAPE = 22,
  OP_SOFTMAX = 25,
  OP_DIV = 30,
  OP_MEAN = 31,
  OP_SQUEEZE = 34,
  OP_STRIDED_SLICE = 35,
  OP_SUB = 36,
  OP_TRANSPOSE = 37,
  OP_EXPAND_DIMS = 50,
  OP_NEG = 67,
  OP_POW = 70,
  OP_SLICE = 86,
  OP_SPLIT = 87,
  OP_SQRT = 88,
  OP_BATCH_MATMUL = 102
};

size_t size_of(const struct operand *operand) {
  size_t size = 1;
  for (uint32_t d = 0; d < operand->rank; d++) size *= operand->dims[d];
  return size;
}

static int32_t whole(const struct operand *operand) { return *(const int32_t *)operand->data; }

static void index_at(const struct operand *operand, size_t flat, uint32_t *index) {
  for (int d = (int)operand->rank - 1; d >= 0; flat /= operand->dims[d], d--) index[d] = flat % operand->dims[d];
}

static size_t flat_at(const struct operand *operand, const uint32_t *index) {
  size_t flat = 0;
  for (uint32_t d = 0; d < operand->rank; d++) flat = flat * operand->dims[d] + index[d];
  return flat;
}

/* The place in a smaller operand that an index of the result reads. */
static size_t broadcast_at(const struct operand *operand, const uint32_t *index, uint32_t rank) {
  size_t flat = 0;
  for (uint32_t d = 0; d < operand->rank; d++)
    flat = flat * operand->dims[d] + (operand->dims[d] == 1 ? 0 : index[d + rank - operand->rank]);
  return flat;
}

static uint32_t axis_of(int32_t axis, const struct operand *operand) {
  return axis < 0 ? (uint32_t)(axis + (int32_t)operand->rank) : (uint32_t)axis;
}

static size_t inner_size(const struct operand *operand, uint32_t axis) {
  size_t inner = 1;
  for (uint32_t d = axis + 1; d < operand->rank; d++) inner *= operand->dims[d];
  return inner;
}

static float binary(int32_t code, float x, float y) {
  switch (code) {
    case OP_ADD:
      return x + y;
    case OP_SUB:
      return x - y;
    case OP_MUL:
      return x * y;
    case OP_DIV:
      return x / y;
    default:
      return powf(x, y);
  }
}

static float unary(int32_t code, float x) {
  return code == OP_SQRT ? sqrtf(x) : code == OP_NEG ? -x : 1 / (1 + expf(-x));
}

static void run_mean(const struct operand *from, const struct operand *axes, struct operand *to) {
  const size_t size = size_of(from), results = size_of(to);
  double *sums = calloc(results, sizeof *sums);
  uint32_t index[MAX_RANK];
  for (size_t i = 0; i < size; i++) {
    size_t at = 0;
    index_at(from, i, index);
    for (uint32_t d = 0; d < from->rank; d++) {
      int reduced = 0;
      for (size_t a = 0; a < size_of(axes); a++)
        reduced |= axis_of(((const int32_t *)axes->data)[a], from) == d;
      if (!reduced) at = at * from->dims[d] + index[d];
    }
    sums[at] += ((const float *)from->data)[i];
  }
  for (size_t i = 0; i < results; i++) ((float *)to->data)[i] = (float)(sums[i] * (double)results / (double)size);
  free(sums);
}

static void run_fully_connected(const struct operand *from, const struct operand *weight, const struct operand *bias,
                                struct operand *to) {
  const uint32_t units = weight->dims[0], depth = weight->dims[1];
  const float *x = from->data, *w = weight->data, *b = bias->data, factor = is_mode("wrong") ? 1.5f : 1.0f;
  for (size_t row = 0; row < size_of(from) / depth; row++)
    for (uint32_t unit = 0; unit < units; unit++) {
      float sum = b[unit];
      for (uint32_t i = 0; i < depth; i++) sum += x[row * depth + i] * w[(size_t)unit * depth + i];
      ((float *)to->data)[row * units + unit] = factor * sum;
    }
}

static void run_batch_matmul(const struct operand *a, const struct operand *b, int turn_a, int turn_b,
                             struct operand *to) {
  const uint32_t rows = to->dims[to->rank - 2], columns = to->dims[to->rank - 1];
  const uint32_t depth = turn_a ? a->dims[a->rank - 2] : a->dims[a->rank - 1];
  const float *x = a->data, *y = b->data;
  for (size_t i = 0; i < size_of(to); i++) {
    const size_t batch = i / ((size_t)rows * columns), row = i / columns % rows, column = i % columns;
    const float *left = x + batch * rows * depth, *right = y + batch * columns * depth;
    float sum = 0;
    for (uint32_t k = 0; k < depth; k++)
      sum += left[turn_a ? k * (size_t)rows + row : row * depth + k] *
             right[turn_b ? column * depth + k : k * (size_t)columns + column];
    ((float *)to->data)[i] = sum;
  }
}

static void run_softmax(const struct operand *from, float beta, uint32_t axis, struct operand *to) {
  const size_t inner = inner_size(from, axis), length = from->dims[axis];
  for (size_t i = 0; i < size_of(from) / length; i++) {
    const size_t first = i / inner * inner * length + i % inner;
    const float *x = (const float *)from->data + first;
    float *y = (float *)to->data + first, largest = -INFINITY, sum = 0;
    for (size_t k = 0; k < length; k++) largest = fmaxf(largest, x[k * inner]);
    for (size_t k = 0; k < length; k++) sum += y[k * inner] = expf(beta * (x[k * inner] - largest));
    for (size_t k = 0; k < length; k++) y[k * inner] /= sum;
  }
}

/* Copies between a whole and its parts along an axis, in either direction. */
static void run_parts(struct model *model, const uint32_t *parts, uint32_t count, struct operand *all, uint32_t axis,
                      int joins) {
  const size_t inner = inner_size(all, axis), stride = all->dims[axis] * inner;
  size_t offset = 0;
  for (uint32_t p = 0; p < count; p++) {
    struct operand *part = &model->operands[parts[p]];
    const size_t length = part->dims[axis] * inner;
    for (size_t outer = 0; outer < size_of(all) / stride; outer++) {
      float *whole_at = (float *)all->data + outer * stride + offset, *part_at = (float *)part->data + outer * length;
      memcpy(joins ? whole_at : part_at, joins ? part_at : whole_at, length * sizeof(float));
    }
    offset += length;
  }
}

int run_operation(struct model *model, const struct operation *op) {
  struct operand *in[MAX_RANK] = {0};
  for (uint32_t i = 0; i < op->inputs && i < MAX_RANK; i++) in[i] = &model->operands[op->in[i]];
  struct operand *from = in[0], *to = &model->operands[op->out[0]];
  const float *x = from->data;
  float *y = to->data;
  uint32_t index[MAX_RANK], source[MAX_RANK];
  const size_t size = size_of(to);
  switch (op->code) {
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_DIV:
    case OP_POW:
      for (size_t i = 0; i < size; i++) {
        index_at(to, i, index);
        y[i] = binary(op->code, x[broadcast_at(from, index, to->rank)],
                      ((const float *)in[1]->data)[broadcast_at(in[1], index, to->rank)]);
      }
      return NO_ERROR;
    case OP_SQRT:
    case OP_NEG:
    case OP_LOGISTIC:
      for (size_t i = 0; i < size; i++) y[i] = unary(op->code, x[i]);
      return NO_ERROR;
    case OP_RESHAPE:
    case OP_SQUEEZE:
    case OP_EXPAND_DIMS:
      memcpy(y, x, size * sizeof *y);
      return NO_ERROR;
    case OP_MEAN:
      run_mean(from, in[1], to);
      return NO_ERROR;
    case OP_FULLY_CONNECTED:
      run_fully_connected(from, in[1], in[2], to);
      return NO_ERROR;
    case OP_BATCH_MATMUL:
      run_batch_matmul(from, in[1], *(uint8_t *)in[2]->data, *(uint8_t *)in[3]->data, to);
      return NO_ERROR;
    case OP_SOFTMAX:
      run_softmax(from, *(const float *)in[1]->data, axis_of(op->inputs > 2 ? whole(in[2]) : -1, from), to);
      return NO_ERROR;
    case OP_CONCATENATION:
      run_parts(model, op->in, op->inputs - 1, to, axis_of(whole(&model->operands[op->in[op->inputs - 1]]), to), 1);
      return NO_ERROR;
    case OP_SPLIT:
      run_parts(model, op->out, op->outputs, from, axis_of(whole(in[1]), from), 0);
      return NO_ERROR;
    case OP_TRANSPOSE:
    case OP_SLICE:
    case OP_STRIDED_SLICE:
      for (size_t i = 0; i < size; i++) {
        const int32_t *by = in[1]->data;
        index_at(to, i, index);
        for (uint32_t d = 0; d < from->rank; d++) {
          if (op->code == OP_TRANSPOSE) source[by[d]] = index[d];
          else if (op->code == OP_SLICE) source[d] = (uint32_t)by[d] + index[d];
          else {
            /* Begin masks set: from the start; ONNX Runtime asks for no negative strides here. */
            const int32_t begin = whole(in[4]) >> d & 1 ? 0 : by[d];
            source[d] = axis_of(begin, &(struct operand){.rank = from->dims[d]}) +
                        index[d] * (uint32_t)((const int32_t *)in[3]->data)[d];
          }
        }
        y[i] = x[flat_at(from, source)];
      }
      return NO_ERROR;
    default:
      fprintf(stderr, "software-npu: operation %d is not known\n", op->code);
      return BAD_DATA;
  }
}
