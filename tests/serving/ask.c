/* Asks a SavedModel through TensorFlow's C API, without Python, as TF Serving does.
 *
 *     ask MODEL QUESTIONS ANSWERS [OP_LIBRARY...]
 *
 * QUESTIONS: int32 count, then for each int32 inputs and as many (place, tensor), int32 outputs and as many places.
 * ANSWERS: the output tensors in that order.
 * A place is int32 length and the operation's name, int32 index. A tensor is int32 dtype, int32 rank, int64 of each
 * axis, then the numbers' bytes, or for strings int64 length and bytes of each. All in this machine's byte order.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tensorflow/c/c_api.h>
#include <tensorflow/c/tf_tstring.h>

enum { MOST = 64, DEEPEST = 32 };

static void stop(const char *what, const char *why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

static void check(const char *what, TF_Status *status) {
  if (TF_GetCode(status) != TF_OK) stop(what, TF_Message(status));
}

static void get(FILE *file, void *to, size_t size) {
  if (size && fread(to, size, 1, file) != 1) stop("questions", "end too early");
}

static int32_t get_int(FILE *file) {
  int32_t value;
  get(file, &value, sizeof value);
  return value;
}

static void put(FILE *file, const void *from, size_t size) {
  if (size && fwrite(from, size, 1, file) != 1) stop("answers", "cannot be written");
}

static TF_Output get_place(FILE *file, TF_Graph *graph) {
  char name[512] = {0};
  int32_t length = get_int(file);
  if (length < 0 || length >= (int32_t)sizeof name) stop("questions", "a name is too long");
  get(file, name, (size_t)length);
  TF_Output place = {TF_GraphOperationByName(graph, name), get_int(file)};
  if (place.oper == NULL) stop("no such operation", name);
  return place;
}

static TF_Tensor *get_tensor(FILE *file) {
  TF_DataType dtype = (TF_DataType)get_int(file);
  int32_t rank = get_int(file);
  int64_t axes[DEEPEST], count = 1;
  if (rank < 0 || rank > DEEPEST) stop("questions", "too many axes");
  get(file, axes, sizeof *axes * (size_t)rank);
  for (int i = 0; i < rank; i++) count *= axes[i];
  size_t item = dtype == TF_STRING ? sizeof(TF_TString) : TF_DataTypeSize(dtype);
  TF_Tensor *tensor = TF_AllocateTensor(dtype, axes, rank, item * (size_t)count);
  if (dtype != TF_STRING) {
    get(file, TF_TensorData(tensor), item * (size_t)count);
    return tensor;
  }
  TF_TString *strings = TF_TensorData(tensor);
  for (int64_t i = 0; i < count; i++) {
    int64_t length;
    get(file, &length, sizeof length);
    char *bytes = malloc((size_t)length + 1);
    get(file, bytes, (size_t)length);
    TF_StringInit(&strings[i]);
    TF_StringCopy(&strings[i], bytes, (size_t)length);
    free(bytes);
  }
  return tensor;
}

static void put_tensor(FILE *file, const TF_Tensor *tensor) {
  int32_t head[2] = {(int32_t)TF_TensorType(tensor), TF_NumDims(tensor)};
  put(file, head, sizeof head);
  for (int i = 0; i < head[1]; i++) {
    int64_t axis = TF_Dim(tensor, i);
    put(file, &axis, sizeof axis);
  }
  if (TF_TensorType(tensor) != TF_STRING) {
    put(file, TF_TensorData(tensor), TF_TensorByteSize(tensor));
    return;
  }
  const TF_TString *strings = TF_TensorData(tensor);
  for (int64_t i = 0; i < TF_TensorElementCount(tensor); i++) {
    int64_t length = (int64_t)TF_StringGetSize(&strings[i]);
    put(file, &length, sizeof length);
    put(file, TF_StringGetDataPointer(&strings[i]), (size_t)length);
  }
}

static void answer(TF_Session *session, TF_Graph *graph, FILE *asked, FILE *answered) {
  TF_Output from[MOST], to[MOST];
  TF_Tensor *given[MOST], *got[MOST] = {0};
  TF_Status *status = TF_NewStatus();
  int32_t inputs = get_int(asked);
  if (inputs < 0 || inputs > MOST) stop("questions", "too many inputs");
  for (int i = 0; i < inputs; i++) {
    from[i] = get_place(asked, graph);
    given[i] = get_tensor(asked);
  }
  int32_t outputs = get_int(asked);
  if (outputs < 0 || outputs > MOST) stop("questions", "too many outputs");
  for (int i = 0; i < outputs; i++) to[i] = get_place(asked, graph);
  TF_SessionRun(session, NULL, from, given, inputs, to, got, outputs, NULL, 0, NULL, status);
  check("run", status);
  for (int i = 0; i < outputs; i++) put_tensor(answered, got[i]);
  for (int i = 0; i < inputs; i++) TF_DeleteTensor(given[i]);
  for (int i = 0; i < outputs; i++) TF_DeleteTensor(got[i]);
  TF_DeleteStatus(status);
}

int main(int count, char **words) {
  if (count < 4) stop("usage", "ask MODEL QUESTIONS ANSWERS [OP_LIBRARY...]");
  TF_Status *status = TF_NewStatus();
  for (int i = 4; i < count; i++) {
    TF_LoadLibrary(words[i], status);
    check(words[i], status);
  }
  TF_Graph *graph = TF_NewGraph();
  TF_SessionOptions *options = TF_NewSessionOptions();
  const char *tags[] = {"serve"};
  TF_Session *session =
      TF_LoadSessionFromSavedModel(options, NULL, words[1], tags, 1, graph, NULL, status);
  check("load", status);
  FILE *asked = fopen(words[2], "rb"), *answered = fopen(words[3], "wb");
  if (asked == NULL || answered == NULL) stop("files", "cannot be opened");
  for (int32_t left = get_int(asked); left > 0; left--) answer(session, graph, asked, answered);
  if (fclose(answered) != 0) stop("answers", "cannot be written");
  fclose(asked);
  TF_CloseSession(session, status);
  check("close", status);
  TF_DeleteSession(session, status);
  TF_DeleteSessionOptions(options);
  TF_DeleteGraph(graph);
  TF_DeleteStatus(status);
  return 0;
}
