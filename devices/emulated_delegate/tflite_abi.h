/* What a delegate sees of a TFLite runtime: the C structures of its public API.
 *
 * Written from the documentation of TensorFlow Lite's C API (common.h, and the external
 * delegate's plugin interface); the Python wheels ship no headers. The layouts are those of
 * tflite-runtime 2.14 and ai-edge-litert 2.3, which are the same. Functions that this delegate
 * does not call are left as untyped pointers: their places count, not their types.
 */
#ifndef EDGE_TFLITE_ABI_H
#define EDGE_TFLITE_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { STATUS_OK = 0, STATUS_ERROR = 1 } Status;

/* Of enum TfLiteAllocationType. */
enum { ALLOCATION_DYNAMIC = 4 };

/* Of enum TfLiteType. */
enum { TYPE_STRING = 5, TYPE_RESOURCE = 14, TYPE_VARIANT = 15 };

enum { NO_TENSOR = -1 };

typedef struct {
  int size;
  int data[];
} IntArray;

typedef struct Context Context;
typedef struct Delegate Delegate;
typedef struct Node Node;
typedef void (*AnyFunction)(void);

typedef struct {
  int type;
  void* data;
  IntArray* dims;
  struct {
    float scale;
    int32_t zero_point;
  } params;
  int allocation_type;
  size_t bytes;
  const void* allocation;
  const char* name;
  Delegate* delegate;
  int buffer_handle;
  bool data_is_stale;
  bool is_variable;
  struct {
    int type;
    void* params;
  } quantization;
  void* sparsity;
  const IntArray* dims_signature;
} Tensor;

struct Node {
  IntArray* inputs;
  IntArray* outputs;
  IntArray* intermediates;
  IntArray* temporaries;
  void* user_data;
  void* builtin_data;
  const void* custom_initial_data;
  int custom_initial_data_size;
  Delegate* delegate;
  bool might_have_side_effect;
};

typedef struct {
  void* (*init)(Context*, const char* buffer, size_t length);
  void (*free)(Context*, void* user_data);
  Status (*prepare)(Context*, Node*);
  Status (*invoke)(Context*, Node*);
  AnyFunction profiling_string;
  int32_t builtin_code;
  const char* custom_name;
  int version;
  void* registration_external;
  AnyFunction async_kernel;
  uint64_t inplace_operator;
} Registration;

struct Context {
  size_t tensors_size;
  Status (*get_execution_plan)(Context*, IntArray**);
  Tensor* tensors;
  void* impl;
  AnyFunction resize_tensor;
  void (*report_error)(Context*, const char* format, ...);
  Status (*add_tensors)(Context*, int count, int* first_new);
  Status (*get_node_and_registration)(Context*, int node_index, Node**, Registration**);
  Status (*replace_node_subsets)(Context*, Registration, const IntArray* nodes, Delegate*);
  /* ... and more, which nothing here asks for */
};

struct Delegate {
  void* data;
  Status (*prepare)(Context*, Delegate*);
  AnyFunction copy_from_buffer_handle;
  AnyFunction copy_to_buffer_handle;
  AnyFunction free_buffer_handle;
  int64_t flags;
  void* opaque_delegate_builder;
};

/* What a delegate kernel's `init` is given as its buffer. */
typedef struct {
  Delegate* delegate;
  IntArray* nodes_to_replace;
  IntArray* input_tensors;
  IntArray* output_tensors;
} DelegateParams;

#endif
