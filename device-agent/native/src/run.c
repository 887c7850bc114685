#include "js-value.h"
#include "session.h"
#include "tensor.h"

/* What both directions of a run need. */
struct run {
  const struct addon *addon;
  napi_env env;
  napi_value keys[KEY_COUNT];
};

static bool is_absent(napi_env env, napi_value value) { return js_is(env, value, napi_undefined); }

/* Values of the ports that `tensors` has; a null output is left to ONNX Runtime. */
static bool take_values(const struct run *run, struct ports *ports, napi_value tensors, bool null_is_free) {
  napi_env env = run->env;
  napi_value names;
  if (!js_referenced(env, ports->js_names, &names)) return false;
  for (uint32_t i = 0; i < ports->count; i++) {
    napi_value name, tensor;
    bool in_place = false;
    OrtValue *value = NULL;
    if (!js_ok(env, napi_get_element(env, names, i, &name)) ||
        !js_ok(env, napi_get_property(env, tensors, name, &tensor)))
      return false;
    if (is_absent(env, tensor)) continue;
    const bool free_output = null_is_free && js_is(env, tensor, napi_null);
    if (!free_output && !tensor_to_ort(run->addon, env, run->keys, tensor, &value, &in_place)) return false;
    ports->used_names[ports->used] = ports->names[i];
    ports->values[ports->used] = value;
    ports->places[ports->used] = i;
    ports->used++;
  }
  return true;
}

static void drop_values(const struct addon *addon, struct ports *ports) {
  for (size_t i = 0; i < ports->used; i++)
    if (ports->values[i] != NULL) addon->ort->ReleaseValue(ports->values[i]);
  ports->used = 0;
}

/*
 * A numeric tensor that was given is the result itself: ONNX Runtime has written into its memory. npm's binding
 * copies it into a new one.
 */
static bool result_of(const struct run *run, napi_value given, OrtValue *value, napi_value *out) {
  napi_value type;
  char word[8];
  if (js_is_object(run->env, given)) {
    if (!js_ok(run->env, napi_get_property(run->env, given, run->keys[KEY_TYPE], &type))) return false;
    if (!js_short_string(run->env, type, word, sizeof word) || word[0] != 's') {
      *out = given;
      return true;
    }
  }
  return tensor_from_ort(run->addon, run->env, value, out);
}

static bool give_results(const struct run *run, const struct ports *outputs, napi_value fetches, napi_value *result) {
  napi_env env = run->env;
  napi_value names;
  if (!js_ok(env, napi_create_object(env, result)) || !js_referenced(env, outputs->js_names, &names)) return false;
  for (size_t i = 0; i < outputs->used; i++) {
    napi_value name, given, tensor;
    if (!js_ok(env, napi_get_element(env, names, outputs->places[i], &name)) ||
        !js_ok(env, napi_get_property(env, fetches, name, &given)) ||
        !result_of(run, given, outputs->values[i], &tensor) ||
        !js_ok(env, napi_set_property(env, *result, name, tensor)))
      return false;
  }
  return true;
}

bool run_session(struct session *session, napi_env env, napi_value feeds, napi_value fetches,
                 const OrtRunOptions *options, napi_value *result) {
  const struct addon *addon = session->addon;
  struct ports *inputs = &session->inputs, *outputs = &session->outputs;
  struct run run = {addon, env, {NULL}};
  const bool done = tensor_keys(addon, env, run.keys) && take_values(&run, inputs, feeds, false) &&
                    take_values(&run, outputs, fetches, true) &&
                    ort_ok(addon, env,
                           addon->ort->Run(session->ort, options, inputs->used_names,
                                           (const OrtValue *const *)inputs->values, inputs->used,
                                           outputs->used_names, outputs->used, outputs->values)) &&
                    give_results(&run, outputs, fetches, result);
  drop_values(addon, inputs);
  drop_values(addon, outputs);
  return done;
}
