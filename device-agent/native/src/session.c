#include "session.h"

#include <stdlib.h>

#include "js-value.h"
#include "session-options.h"

enum { MAX_ARGUMENTS = 4 };

struct call {
  struct session *session;
  size_t count;
  napi_value arguments[MAX_ARGUMENTS];
};

static bool read_call(napi_env env, napi_callback_info info, struct call *call) {
  napi_value self;
  call->count = MAX_ARGUMENTS;
  return js_ok(env, napi_get_cb_info(env, info, &call->count, call->arguments, &self, NULL)) &&
         js_ok(env, napi_unwrap(env, self, (void **)&call->session));
}

/* As read_call, for methods of a loaded model. */
static bool read_call_of_loaded(napi_env env, napi_callback_info info, struct call *call) {
  if (!read_call(env, info, call)) return false;
  if (!call->session->loaded) return throw_error(env, "Session is not initialized.");
  if (call->session->disposed) return throw_error(env, "Session already disposed.");
  return true;
}

static void release(struct session *session, napi_env env) {
  free_ports(session->addon, env, &session->inputs);
  free_ports(session->addon, env, &session->outputs);
  if (session->ort != NULL) session->addon->ort->ReleaseSession(session->ort);
  session->ort = NULL;
}

static void finalize(napi_env env, void *data, void *hint) {
  struct session *session = data;
  (void)hint;
  release(session, env);
  drop_addon(session->addon);
  free(session);
}

static napi_value construct(napi_env env, napi_callback_info info) {
  napi_value self, target = NULL;
  void *addon = NULL;
  if (!js_ok(env, napi_get_new_target(env, info, &target))) return NULL;
  if (target == NULL) {
    throw_type_error(env, "Class constructors cannot be invoked without 'new'");
    return NULL;
  }
  if (!js_ok(env, napi_get_cb_info(env, info, NULL, NULL, &self, &addon))) return NULL;
  struct session *session = calloc(1, sizeof *session);
  if (session == NULL) {
    throw_out_of_memory(env);
    return NULL;
  }
  session->addon = addon;
  if (js_ok(env, napi_wrap(env, self, session, finalize, NULL, NULL))) {
    session->addon->holders++;
    return self;
  }
  free(session);
  return NULL;
}

static bool create_from_path(const struct session *session, napi_env env, napi_value path,
                             const OrtSessionOptions *options, OrtSession **out) {
  char *text = NULL;
  if (!js_string(env, path, &text, NULL)) return false;
  const struct addon *addon = session->addon;
  const bool done = ort_ok(addon, env, addon->ort->CreateSession(addon->ort_env, text, options, out));
  free(text);
  return done;
}

static bool create_from_bytes(const struct session *session, napi_env env, const napi_value *arguments,
                              const OrtSessionOptions *options, OrtSession **out) {
  void *bytes = NULL;
  size_t size = 0;
  int64_t offset = 0, length = 0;
  if (!js_ok(env, napi_get_arraybuffer_info(env, arguments[0], &bytes, &size)) ||
      !js_ok(env, napi_get_value_int64(env, arguments[1], &offset)) ||
      !js_ok(env, napi_get_value_int64(env, arguments[2], &length)))
    return false;
  if (offset < 0 || length < 0 || (uint64_t)offset > size || (uint64_t)length > size - (uint64_t)offset)
    return throw_range_error(env, "The model's bytes lie outside of its buffer.");
  const struct addon *addon = session->addon;
  return ort_ok(addon, env,
                addon->ort->CreateSessionFromArray(addon->ort_env, (const char *)bytes + offset, (size_t)length,
                                                   options, out));
}

static bool create(const struct session *session, napi_env env, const struct call *call, bool from_path,
                   OrtSession **out) {
  const struct addon *addon = session->addon;
  struct option_target target = {addon, env, NULL, NULL};
  if (!ort_ok(addon, env, addon->ort->CreateSessionOptions(&target.session))) return false;
  const bool done = read_session_options(&target, call->arguments[from_path ? 1 : 3]) &&
                    (from_path ? create_from_path(session, env, call->arguments[0], target.session, out)
                               : create_from_bytes(session, env, call->arguments, target.session, out));
  addon->ort->ReleaseSessionOptions(target.session);
  return done;
}

static napi_value load_model(napi_env env, napi_callback_info info) {
  struct call call;
  if (!read_call(env, info, &call)) return NULL;
  struct session *session = call.session;
  const napi_value *given = call.arguments;
  bool is_bytes = false;
  if (session->loaded) return throw_error(env, "Model already loaded. Cannot load model multiple times."), NULL;
  if (session->disposed) return throw_error(env, "Session already disposed."), NULL;
  if (call.count == 0) return throw_type_error(env, "Expect argument: model file path or buffer."), NULL;
  const bool is_path = call.count == 2 && js_is(env, given[0], napi_string) && js_is_object(env, given[1]);
  if (!js_ok(env, napi_is_arraybuffer(env, given[0], &is_bytes))) return NULL;
  is_bytes = is_bytes && call.count == 4 && js_is(env, given[1], napi_number) &&
             js_is(env, given[2], napi_number) && js_is_object(env, given[3]);
  if (!is_path && !is_bytes) {
    throw_type_error(env, "Invalid argument: args has to be either (modelPath, options) or (buffer, byteOffset, "
                          "byteLength, options).");
    return NULL;
  }
  if (session->addon->ort_env == NULL) return throw_error(env, "initOrtOnce has not been called."), NULL;
  if (create(session, env, &call, is_path, &session->ort) && load_ports(session, env))
    session->loaded = true;
  else
    release(session, env);
  return NULL;
}

static bool run_with_options(struct session *session, napi_env env, const struct call *call, napi_value *result) {
  const struct addon *addon = session->addon;
  struct option_target target = {addon, env, NULL, NULL};
  /* Most runs have an empty object of options: ONNX Runtime then takes its own. */
  if (call->count > 2) {
    napi_value names;
    uint32_t count = 0;
    if (!js_ok(env, napi_get_property_names(env, call->arguments[2], &names)) ||
        !js_ok(env, napi_get_array_length(env, names, &count)))
      return false;
    if (count > 0 && !ort_ok(addon, env, addon->ort->CreateRunOptions(&target.run))) return false;
  }
  const bool done = (target.run == NULL || read_run_options(&target, call->arguments[2])) &&
                    run_session(session, env, call->arguments[0], call->arguments[1], target.run, result);
  if (target.run != NULL) addon->ort->ReleaseRunOptions(target.run);
  return done;
}

static napi_value run(napi_env env, napi_callback_info info) {
  struct call call;
  napi_value result = NULL;
  if (!read_call_of_loaded(env, info, &call)) return NULL;
  if (call.count < 2) return throw_type_error(env, "Expect argument: inputs(feed) and outputs(fetch)."), NULL;
  if (!js_is_object(env, call.arguments[0]) || !js_is_object(env, call.arguments[1]))
    return throw_type_error(env, "Expect inputs(feed) and outputs(fetch) to be objects."), NULL;
  if (call.count > 2 && !js_is_object(env, call.arguments[2]))
    return throw_type_error(env, "'runOptions' must be an object."), NULL;
  if (call.session->running) return throw_error(env, "The session is running."), NULL;
  call.session->running = true;
  const bool done = run_with_options(call.session, env, &call, &result);
  call.session->running = false;
  return done ? result : NULL;
}

static napi_value dispose(napi_env env, napi_callback_info info) {
  struct call call;
  if (!read_call_of_loaded(env, info, &call)) return NULL;
  if (call.session->running) return throw_error(env, "The session is running."), NULL;
  call.session->disposed = true;
  release(call.session, env);
  return NULL;
}

static napi_value end_profiling(napi_env env, napi_callback_info info) {
  struct call call;
  char *file = NULL;
  if (!read_call_of_loaded(env, info, &call)) return NULL;
  const struct addon *addon = call.session->addon;
  if (ort_ok(addon, env, addon->ort->SessionEndProfiling(call.session->ort, addon->allocator, &file)))
    ort_ok(addon, env, addon->ort->AllocatorFree(addon->allocator, file));
  return NULL;
}

static napi_value input_metadata(napi_env env, napi_callback_info info) {
  struct call call;
  napi_value out = NULL;
  if (!read_call_of_loaded(env, info, &call)) return NULL;
  return ports_to_js(call.session->addon, env, &call.session->inputs, &out) ? out : NULL;
}

static napi_value output_metadata(napi_env env, napi_callback_info info) {
  struct call call;
  napi_value out = NULL;
  if (!read_call_of_loaded(env, info, &call)) return NULL;
  return ports_to_js(call.session->addon, env, &call.session->outputs, &out) ? out : NULL;
}

bool define_session_class(struct addon *addon, napi_env env, napi_value exports) {
  const napi_property_descriptor members[] = {
      {.utf8name = "loadModel", .method = load_model, .data = addon},
      {.utf8name = "run", .method = run, .data = addon},
      {.utf8name = "dispose", .method = dispose, .data = addon},
      {.utf8name = "endProfiling", .method = end_profiling, .data = addon},
      {.utf8name = "inputMetadata", .getter = input_metadata, .data = addon},
      {.utf8name = "outputMetadata", .getter = output_metadata, .data = addon},
  };
  napi_value class;
  return js_ok(env, napi_define_class(env, "InferenceSession", NAPI_AUTO_LENGTH, construct, addon,
                                      sizeof members / sizeof *members, members, &class)) &&
         js_ok(env, napi_set_named_property(env, exports, "InferenceSession", class));
}
