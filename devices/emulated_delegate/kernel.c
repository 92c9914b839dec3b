/* Each operator is run by the runtime's own code for it, in an instance of its own: `init`,
 * `prepare` and `invoke` of its registration, over the very tensors of the graph. So the results
 * are those of the built-in kernels, bit for bit. */
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

#include "play.h"
#include "tensor_pool.h"

typedef struct {
  Node node;
  Registration registration;
} Step;

typedef struct {
  Emulated* owner;
  bool first; /* of the graph's kernels */
  bool whole; /* there was memory for all of it */
  TensorPool pool;
  int count;
  Step steps[];
} Kernel;

/* NULL where there is no memory for it. */
static IntArray* new_array(int size) {
  IntArray* array = malloc(sizeof(IntArray) + (size_t)size * sizeof(int));
  if (array) array->size = size;
  return array;
}

static IntArray* copied(const IntArray* source) {
  IntArray* copy = new_array(source ? source->size : 0);
  if (source && copy) memcpy(copy->data, source->data, (size_t)source->size * sizeof(int));
  return copy;
}

/* A node of our own: the original may move in memory, and its temporaries are its own.
 * False where there is no memory for it. */
static bool open_step(Context* context, int index, Step* step) {
  Node* original = NULL;
  Registration* registration = NULL;
  context->get_node_and_registration(context, index, &original, &registration);
  step->registration = *registration;
  step->node = *original;
  step->node.inputs = copied(original->inputs);
  step->node.outputs = copied(original->outputs);
  step->node.intermediates = copied(original->intermediates);
  step->node.temporaries = new_array(0);
  step->node.user_data = NULL;
  step->node.delegate = NULL;
  if (registration->init) {
    step->node.user_data = registration->init(context, original->builtin_data, 0);
  }
  return step->node.inputs && step->node.outputs && step->node.intermediates &&
         step->node.temporaries;
}

static void close_step(Context* context, Step* step) {
  if (step->registration.free && step->node.user_data) {
    step->registration.free(context, step->node.user_data);
  }
  free(step->node.inputs);
  free(step->node.outputs);
  free(step->node.intermediates);
  free(step->node.temporaries);
}

static void* init(Context* context, const char* buffer, size_t length) {
  const DelegateParams* params = (const DelegateParams*)buffer;
  const IntArray* nodes = params->nodes_to_replace;
  Emulated* owner = (Emulated*)params->delegate;
  Kernel* kernel = calloc(1, sizeof(Kernel) + (size_t)nodes->size * sizeof(Step));
  (void)length;
  if (!kernel) return NULL;
  kernel->owner = owner;
  kernel->first = owner->kernels++ == 0;
  kernel->count = nodes->size;
  kernel->whole = true;
  for (int i = 0; i < nodes->size; ++i) {
    kernel->whole &= open_step(context, nodes->data[i], &kernel->steps[i]);
  }
  return kernel;
}

static void release(Context* context, void* data) {
  Kernel* kernel = data;
  if (!kernel) return;
  for (int i = 0; i < kernel->count; ++i) close_step(context, &kernel->steps[i]);
  free(kernel);
}

static bool holds(const IntArray* array, int value) {
  for (int i = 0; i < array->size; ++i) {
    if (array->data[i] == value) return true;
  }
  return false;
}

/* Ask the runtime's arena for what it no longer plans by itself: the steps' temporaries, and
 * tensors that only the steps among themselves read. False where there is no room for the list. */
static bool request_memory(Node* node, const Kernel* kernel) {
  int most = 0;
  for (int i = 0; i < kernel->count; ++i) {
    most += kernel->steps[i].node.temporaries->size + kernel->steps[i].node.outputs->size;
  }
  IntArray* wanted = new_array(most);
  if (!wanted) return false;
  wanted->size = 0;
  for (int i = 0; i < kernel->count; ++i) {
    const Node* step = &kernel->steps[i].node;
    for (int j = 0; j < step->temporaries->size; ++j) {
      wanted->data[wanted->size++] = step->temporaries->data[j];
    }
    for (int j = 0; j < step->outputs->size; ++j) {
      int tensor = step->outputs->data[j];
      if (tensor != NO_TENSOR && !holds(node->outputs, tensor)) {
        wanted->data[wanted->size++] = tensor;
      }
    }
  }
  free(node->temporaries);
  node->temporaries = wanted;
  return true;
}

static Status out_of_memory(Context* context) {
  context->report_error(context, "out of memory\n");
  return STATUS_ERROR;
}

static Status prepare(Context* context, Node* node) {
  Kernel* kernel = node->user_data;
  if (!kernel || !kernel->whole) return out_of_memory(context);
  if (kernel->owner->settings.fault == FAULT_PREPARE) {
    context->report_error(context, "fail=prepare asks for it\n");
    return STATUS_ERROR;
  }
  for (int i = 0; i < kernel->count; ++i) {
    Step* step = &kernel->steps[i];
    Status status = prepare_with_room(context, &step->registration, &step->node, &kernel->pool);
    if (status != STATUS_OK) return status;
  }
  return request_memory(node, kernel) ? STATUS_OK : out_of_memory(context);
}

static Status invoke(Context* context, Node* node) {
  Kernel* kernel = node->user_data;
  Emulated* owner = kernel->owner;
  Status status = STATUS_OK;
  if (kernel->first) status = play_invocation(context, &owner->settings, ++owner->invocations);
  for (int i = 0; i < kernel->count && status == STATUS_OK; ++i) {
    Step* step = &kernel->steps[i];
    status = step->registration.invoke(context, &step->node);
  }
  if (status == STATUS_OK) play_operators(&owner->settings, kernel->count);
  return status;
}

Registration kernel_registration(void) {
  Registration registration = {
      .init = init,
      .free = release,
      .prepare = prepare,
      .invoke = invoke,
      .custom_name = "EmulatedDelegate",
      .version = 1,
  };
  return registration;
}
