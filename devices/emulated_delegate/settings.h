/* What the emulated delegate is told to be, as key=value options:
 *
 *   ops=CONV_2D+ADD       the operators to take, by the schema's names; all (default) or none
 *   latency_us=N          sleep so long in each invocation of the model
 *   latency_us_per_op=N   sleep so long for each operator taken, in each invocation
 *   fail=create           refuse to start
 *   fail=prepare          fail when the graph is prepared
 *   fail=invoke:N         fail in the N-th invocation and all after it
 *   fail=hang:N           never come back from the N-th invocation
 */
#ifndef EDGE_SETTINGS_H
#define EDGE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "operators.h"

typedef enum { FAULT_NONE, FAULT_CREATE, FAULT_PREPARE, FAULT_INVOKE, FAULT_HANG } Fault;

typedef struct {
  OperatorSet operators;
  long latency_us;        /* slept once an invocation of the model */
  long latency_us_per_op; /* slept for each operator taken, each invocation */
  Fault fault;
  long fault_at; /* number of the invocation, from 1; it fails from there on */
} Settings;

/* Read the options; false with one sentence in `message` where one is not understood. */
bool settings_read(char** keys, char** values, size_t count, Settings* settings, char* message,
                   size_t message_size);

#endif
