#include "operators.h"

#include <stddef.h>
#include <string.h>

/* Names and codes of the schema's BuiltinOperator. Not here: what keeps a state, calls other
 * graphs, draws random numbers, or makes tensors whose size only its invocation tells. */
static const struct {
  const char* name;
  unsigned char code;
} OPERATORS[] = {
    {"ABS", 101},
    {"ADD", 0},
    {"ADD_N", 106},
    {"ARG_MAX", 56},
    {"ARG_MIN", 79},
    {"AVERAGE_POOL_2D", 1},
    {"BATCH_MATMUL", 126},
    {"BATCH_TO_SPACE_ND", 37},
    {"BROADCAST_TO", 130},
    {"CAST", 53},
    {"CEIL", 104},
    {"CONCATENATION", 2},
    {"CONV_2D", 3},
    {"COS", 108},
    {"CUMSUM", 128},
    {"DEPTHWISE_CONV_2D", 4},
    {"DEPTH_TO_SPACE", 5},
    {"DEQUANTIZE", 6},
    {"DIV", 42},
    {"ELU", 111},
    {"EQUAL", 71},
    {"EXP", 47},
    {"EXPAND_DIMS", 70},
    {"FLOOR", 8},
    {"FLOOR_DIV", 90},
    {"FLOOR_MOD", 95},
    {"FULLY_CONNECTED", 9},
    {"GATHER", 36},
    {"GATHER_ND", 107},
    {"GELU", 150},
    {"GREATER", 61},
    {"GREATER_EQUAL", 62},
    {"HARD_SWISH", 117},
    {"L2_NORMALIZATION", 11},
    {"LEAKY_RELU", 98},
    {"LESS", 58},
    {"LESS_EQUAL", 63},
    {"LOG", 73},
    {"LOGICAL_AND", 86},
    {"LOGICAL_NOT", 87},
    {"LOGICAL_OR", 84},
    {"LOGISTIC", 14},
    {"LOG_SOFTMAX", 50},
    {"MAXIMUM", 55},
    {"MAX_POOL_2D", 17},
    {"MEAN", 40},
    {"MINIMUM", 57},
    {"MIRROR_PAD", 100},
    {"MUL", 18},
    {"NEG", 59},
    {"NOT_EQUAL", 72},
    {"PACK", 83},
    {"PAD", 34},
    {"PADV2", 60},
    {"POW", 78},
    {"PRELU", 54},
    {"QUANTIZE", 114},
    {"REDUCE_MAX", 82},
    {"REDUCE_MIN", 89},
    {"REDUCE_PROD", 81},
    {"RELU", 19},
    {"RELU6", 21},
    {"RELU_0_TO_1", 152},
    {"RELU_N1_TO_1", 20},
    {"RESHAPE", 22},
    {"RESIZE_BILINEAR", 23},
    {"RESIZE_NEAREST_NEIGHBOR", 97},
    {"REVERSE_V2", 105},
    {"ROUND", 116},
    {"RSQRT", 76},
    {"SELECT", 64},
    {"SELECT_V2", 123},
    {"SIN", 66},
    {"SLICE", 65},
    {"SOFTMAX", 25},
    {"SPACE_TO_BATCH_ND", 38},
    {"SPACE_TO_DEPTH", 26},
    {"SPLIT", 49},
    {"SPLIT_V", 102},
    {"SQRT", 75},
    {"SQUARE", 92},
    {"SQUARED_DIFFERENCE", 99},
    {"SQUEEZE", 43},
    {"STRIDED_SLICE", 45},
    {"SUB", 41},
    {"SUM", 74},
    {"TANH", 28},
    {"TILE", 69},
    {"TRANSPOSE", 39},
    {"TRANSPOSE_CONV", 67},
    {"UNPACK", 88},
};

enum { OPERATOR_COUNT = sizeof OPERATORS / sizeof OPERATORS[0] };

static bool is_word(const char* text, size_t length, const char* word) {
  return strlen(word) == length && strncmp(text, word, length) == 0;
}

static bool add(const char* name, size_t length, OperatorSet* set) {
  bool all = is_word(name, length, "all");
  bool known = all || is_word(name, length, "none");
  for (int i = 0; i < OPERATOR_COUNT; ++i) {
    if (all || is_word(name, length, OPERATORS[i].name)) {
      set->wanted[OPERATORS[i].code] = true;
      known = true;
    }
  }
  return known;
}

bool operators_parse(const char* text, OperatorSet* set, const char** unknown,
                     int* unknown_length) {
  memset(set, 0, sizeof *set);
  for (;;) {
    size_t length = strcspn(text, "+");
    if (!add(text, length, set)) {
      *unknown = text;
      *unknown_length = (int)length;
      return false;
    }
    if (text[length] == '\0') return true;
    text += length + 1;
  }
}

bool operators_contain(const OperatorSet* set, int32_t builtin_code) {
  return builtin_code >= 0 && builtin_code < OPERATOR_CODES && set->wanted[builtin_code];
}
