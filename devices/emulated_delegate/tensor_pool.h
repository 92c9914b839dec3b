/* Room for the tensors that operators add while they prepare. */
#ifndef EDGE_TENSOR_POOL_H
#define EDGE_TENSOR_POOL_H

#include "tflite_abi.h"

/* Tensors that were added to the graph and that nobody uses yet: from `next` up to `end`. */
typedef struct {
  Status (*add_tensors)(Context*, int count, int* first_new);
  int next;
  int end;
} TensorPool;

/* Prepare a node. The runtime lets its tensors move between two nodes that it prepares, but not
 * while one of them prepares and adds up to 16 more. A kernel of many operators has to keep that
 * promise for each, so new tensors come from `pool`, which is filled beforehand. */
Status prepare_with_room(Context* context, const Registration* registration, Node* node,
                         TensorPool* pool);

#endif
