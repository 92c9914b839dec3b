/* The node that stands in the graph for the operators that were taken. */
#ifndef EDGE_KERNEL_H
#define EDGE_KERNEL_H

#include "settings.h"
#include "tflite_abi.h"

/* One delegate, which serves one graph. */
typedef struct {
  Delegate delegate; /* first, so that a pointer to it is one to this */
  Settings settings;
  int kernels;      /* of the graph, counted as they are made */
  long invocations; /* of the graph, counted by its first kernel */
} Emulated;

/* A registration of kernels that run the built-in code of the operators that they replace. */
Registration kernel_registration(void);

#endif
