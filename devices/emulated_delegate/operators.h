/* The operators that this delegate can take: those that are functions of their inputs alone. */
#ifndef EDGE_OPERATORS_H
#define EDGE_OPERATORS_H

#include <stdbool.h>
#include <stdint.h>

/* Codes of the schema's BuiltinOperator stay below this, as far as they are known here. */
enum { OPERATOR_CODES = 256 };

typedef struct {
  bool wanted[OPERATOR_CODES];
} OperatorSet;

/* The operators of "CONV_2D+ADD", of "all" or of "none"; false with the first unknown name,
 * `unknown_length` characters long, where there is one. */
bool operators_parse(const char* text, OperatorSet* set, const char** unknown, int* unknown_length);

bool operators_contain(const OperatorSet* set, int32_t builtin_code);

#endif
