/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What follows OBJECT VERB: FIELD=VALUE (fields within fields with dots and
 * [index]), bare words for the key, JSON texts, @FILE (JSON or YAML).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli_int.h"
#include "config.h"

#define MAX_FILE (256 << 20)

/* ---- paths --------------------------------------------------------------- */

struct step { /* one segment: name, name[3] */
	char name[64];
	bool indexed;
	size_t index;
};

/* Take the first segment off *path. False: it is none. */
static bool take_step(const char **path, struct step *s)
{
	size_t n = strcspn(*path, ".[");
	char *end;

	if (n == 0 || n >= sizeof(s->name))
		return false;
	memcpy(s->name, *path, n);
	s->name[n] = '\0';
	*path += n;
	s->indexed = **path == '[';
	if (s->indexed) {
		s->index = strtoul(*path + 1, &end, 10);
		if (end == *path + 1 || *end != ']')
			return false;
		*path = end + 1;
	}
	if (**path == '.' && (*path)[1] != '\0')
		(*path)++;
	else if (**path != '\0')
		return false;
	return true;
}

const struct cst_field *cli_field_at(const struct cst_object *o, const char *path)
{
	struct step s;
	int i;

	while (o != NULL && take_step(&path, &s)) {
		i = cst_field_index(o, s.name);
		if (i < 0)
			return NULL;
		if (*path == '\0')
			return &o->fields[i];
		o = o->fields[i].sub;
	}
	return NULL;
}

static int unknown_field(const struct cst_object *o, const char *name, const char *word,
			 struct cst_err *e)
{
	struct cst_suggest s = {.word = name};

	for (unsigned i = 0; i < o->n_fields; i++)
		cst_suggest_try(&s, o->fields[i].name);
	if (s.best != NULL)
		return cst_err(e, -EINVAL, word, "unknown; did you mean %s?", s.best);
	return cst_err(e, -EINVAL, word, "unknown: a %s has no such field", o->name);
}

static int bad_index(const char *word, size_t have, struct cst_err *e)
{
	return cst_err(e, -EINVAL, word, "the next index is [%zu]", have);
}

/* The container of this name in js, made when it is not there. Borrowed. */
static json_t *child(json_t *js, const char *name, bool list)
{
	json_t *c = json_object_get(js, name);

	if (c == NULL) {
		c = list ? json_array() : json_object();
		json_object_set_new(js, name, c);
	}
	return list == json_is_array(c) ? c : NULL;
}

static int set_last(json_t *js, const struct cst_field *f, const struct step *s, const char *word,
		    const char *text, struct cst_err *e)
{
	struct cst_field one = *f;
	json_t *value, *list;
	int ret;

	one.flags &=
		(uint8_t)~CST_F_STATE; /* a filter may name it; in a change coastd refuses it */
	if (s->indexed) {
		if (!(f->flags & CST_F_LISTF))
			return cst_err(e, -EINVAL, word, "is no list");
		one.flags &= (uint8_t)~CST_F_LISTF;
	}
	ret = cst_field_from_text(&one, text, &value, e);
	if (ret < 0) {
		/* its own path starts at the field; ours where the object does */
		snprintf(e->field, sizeof(e->field), "%s", word);
		return ret;
	}
	if (!s->indexed) {
		json_object_set_new(js, f->name, value);
		return 0;
	}
	list = child(js, f->name, true);
	if (list == NULL || s->index > json_array_size(list)) {
		json_decref(value);
		return bad_index(word, json_array_size(list), e);
	}
	if (s->index == json_array_size(list))
		json_array_append_new(list, value);
	else
		json_array_set_new(list, s->index, value);
	return 0;
}

/* js.PATH = text */
static int set_path(json_t *js, const struct cst_object *o, const char *path, const char *text,
		    struct cst_err *e)
{
	const struct cst_field *f;
	const char *at = path;
	struct step s;
	json_t *list;
	int i;

	while (take_step(&at, &s)) {
		i = cst_field_index(o, s.name);
		if (i < 0)
			return unknown_field(o, s.name, path, e);
		f = &o->fields[i];
		if (*at == '\0')
			return set_last(js, f, &s, path, text, e);
		if (f->sub == NULL)
			return cst_err(e, -EINVAL, path, "%s has no fields of its own", f->name);
		if (s.indexed != ((f->flags & CST_F_LISTF) != 0))
			return cst_err(e, -EINVAL, path,
				       s.indexed ? "%s is no list"
						 : "%s is a list: write %s[0], %s[1], ...",
				       f->name, f->name, f->name);
		if (s.indexed) {
			list = child(js, f->name, true);
			if (list == NULL || s.index > json_array_size(list))
				return bad_index(path, json_array_size(list), e);
			if (s.index == json_array_size(list))
				json_array_append_new(list, json_object());
			js = json_array_get(list, s.index);
		} else {
			js = child(js, f->name, false);
		}
		if (!json_is_object(js))
			return cst_err(e, -EINVAL, path, "%s was given a value already", f->name);
		o = f->sub;
	}
	return cst_err(e, -EINVAL, NULL,
		       "%s: write FIELD=VALUE, with a.b or a[0] for what is inside", path);
}

/* ---- files --------------------------------------------------------------- */

static int read_all(FILE *f, char **text, size_t *len, struct cst_err *e)
{
	size_t cap = 65536, n = 0, got;
	char *buf = malloc(cap), *more;

	while (buf != NULL && (got = fread(buf + n, 1, cap - n, f)) > 0) {
		n += got;
		if (n < cap)
			continue;
		more = cap < MAX_FILE ? realloc(buf, cap * 2) : NULL;
		if (more == NULL)
			break;
		buf = more;
		cap *= 2;
	}
	if (buf == NULL || n == cap) {
		free(buf);
		return cst_err(e, -EFBIG, NULL, "larger than %d MiB", MAX_FILE >> 20);
	}
	if (ferror(f)) {
		free(buf);
		return cst_err(e, -EIO, NULL, "%s", strerror(errno));
	}
	*text = buf;
	*len = n;
	return 0;
}

static struct cst_err yaml_error;
static unsigned yaml_error_line;

static void keep_first(const char *file, unsigned line, const struct cst_err *e)
{
	if (yaml_error.code != 0)
		return;
	yaml_error = *e;
	yaml_error.code = -EINVAL;
	yaml_error_line = line;
}

static int parse_yaml(const char *name, const char *text, size_t len,
		      const struct cst_object *shape, json_t **out, struct cst_err *e)
{
	struct cst_yaml y = {0};
	char path[64];
	int fd = memfd_create("coastctl", MFD_CLOEXEC);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len) {
		if (fd >= 0)
			close(fd);
		return cst_err(e, -errno, NULL, "%s: %s", name, strerror(errno));
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	memset(&yaml_error, 0, sizeof(yaml_error));
	cst_yaml_read(&y, path, shape, keep_first);
	close(fd);
	*out = y.errors == 0 && y.root != NULL ? json_incref(y.root) : NULL;
	cst_yaml_free(&y);
	if (*out != NULL)
		return 0;
	return cst_err(e, -EINVAL, NULL, "%s:%u: %s%s%s", name, yaml_error_line, yaml_error.field,
		       yaml_error.field[0] != '\0' ? ": " : "", yaml_error.reason);
}

static int parse_file(const char *name, const struct cst_object *shape, json_t **out,
		      struct cst_err *e)
{
	bool own = strcmp(name, "-") != 0;
	FILE *f = own ? fopen(name, "re") : stdin;
	size_t len = 0;
	char *text = NULL;
	int ret;

	if (f == NULL)
		return cst_err(e, -errno, NULL, "%s: %s", name, strerror(errno));
	ret = read_all(f, &text, &len, e);
	if (own)
		fclose(f);
	if (ret < 0) {
		cst_err_prefix(e, "%s", name);
		return ret;
	}
	*out = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	ret = *out != NULL ? 0 : parse_yaml(own ? name : "stdin", text, len, shape, out, e);
	free(text);
	return ret;
}

/* ---- words --------------------------------------------------------------- */

struct args {
	const struct cst_object *shape;
	json_t *whole;  /* array: what JSON texts and files gave */
	json_t *fields; /* object: what FIELD=VALUE and bare words gave */
	unsigned n_bare;
	bool keys; /* what is given are keys: delete */
};

/* The only key field, NULL: there are several, or none. */
static const char *only_key(const struct cst_object *o)
{
	const char *key = NULL;

	for (unsigned i = 0; i < o->n_fields; i++) {
		if (!(o->fields[i].flags & CST_F_KEY))
			continue;
		if (key != NULL)
			return NULL;
		key = o->fields[i].name;
	}
	return key;
}

/* In a list of keys, as '["a","b"]', each stands for an object with nothing else. */
static bool keys_to_objects(const struct cst_object *o, json_t *list)
{
	const char *key = only_key(o);
	json_t *v, *one;
	size_t i;

	json_array_foreach (list, i, v) {
		if (json_is_object(v))
			continue;
		if (key == NULL || json_is_array(v) || json_is_null(v))
			return false;
		one = json_object();
		json_object_set(one, key, v);
		json_array_set_new(list, i, one);
	}
	return true;
}

static int add_whole(struct args *a, json_t *js, const char *word, struct cst_err *e)
{
	if (json_is_array(js) && a->keys && !keys_to_objects(a->shape, js)) {
		json_decref(js);
		return cst_err(e, -EINVAL, NULL, "%s: must be a list of keys of a %s", word,
			       a->shape->name);
	}
	if (json_is_array(js))
		json_array_extend(a->whole, js);
	else if (json_is_object(js))
		json_array_append(a->whole, js);
	else {
		json_decref(js);
		return cst_err(e, -EINVAL, NULL, "%s: must hold an object or a list of objects",
			       word);
	}
	json_decref(js);
	return 0;
}

/* A word of its own is a key; where nothing is a key (methods), a parameter by position. */
static const struct cst_field *bare_field(const struct cst_object *o, unsigned n)
{
	bool keys = false;

	for (unsigned i = 0; i < o->n_fields; i++)
		keys = keys || (o->fields[i].flags & CST_F_KEY);
	for (unsigned i = 0; i < o->n_fields; i++)
		if ((!keys || (o->fields[i].flags & CST_F_KEY)) && n-- == 0)
			return &o->fields[i];
	return NULL;
}

static int add_bare(struct args *a, const char *word, struct cst_err *e)
{
	const struct cst_field *f = bare_field(a->shape, a->n_bare);

	if (f == NULL)
		return cst_err(e, -EINVAL, NULL, "%s: one word too many; write FIELD=VALUE", word);
	a->n_bare++;
	return set_path(a->fields, a->shape, f->name, word, e);
}

static int add_word(struct args *a, char *word, struct cst_err *e)
{
	char *eq = strchr(word, '=');
	json_error_t why;
	json_t *js;
	int ret;

	if (word[0] == '{' || word[0] == '[') {
		js = json_loads(word, JSON_REJECT_DUPLICATES, &why);
		if (js == NULL)
			return cst_err(e, -EINVAL, NULL, "not JSON: %s at character %d", why.text,
				       why.position);
		return add_whole(a, js, word, e);
	}
	if (word[0] == '@') {
		ret = parse_file(word + 1, a->shape, &js, e);
		return ret < 0 ? ret : add_whole(a, js, word + 1, e);
	}
	if (eq == NULL)
		return add_bare(a, word, e);
	*eq = '\0';
	ret = set_path(a->fields, a->shape, word, eq + 1, e);
	*eq = '=';
	return ret;
}

/* `session delete 1 2 3` */
static bool several_keys(const struct cst_object *o, char **words, int n)
{
	unsigned keys = 0;

	for (unsigned i = 0; i < o->n_fields; i++)
		keys += (o->fields[i].flags & CST_F_KEY) != 0;
	for (int i = 0; i < n; i++)
		if (strpbrk(words[i], "={[@") != NULL)
			return false;
	return keys == 1 && n > 1;
}

int cli_args(const struct cli_object *o, const struct cli_verb *v, char **words, int n,
	     json_t **out, struct cst_err *e)
{
	struct args a = {.shape = cli_verb_shape(o, v), .keys = v->kind == CLI_DELETE};
	int ret = 0;

	if (a.shape == NULL && n > 0)
		return cst_err(e, -EINVAL, NULL, "%s: %s%s%s takes no arguments", words[0], o->name,
			       cli_is_bare(v) ? "" : " ", v->name);
	a.whole = json_array();
	a.fields = json_object();
	for (int i = 0; i < n && ret == 0; i++) {
		ret = add_word(&a, words[i], e);
		if (ret == 0 && v->kind == CLI_DELETE && several_keys(a.shape, words, n)) {
			json_array_append_new(a.whole, a.fields);
			a.fields = json_object();
			a.n_bare = 0;
		}
	}
	if (ret == 0 && json_object_size(a.fields) > 0 && json_array_size(a.whole) > 1)
		ret = cst_err(e, -EINVAL, NULL, "FIELD=VALUE goes with one object, not with %zu",
			      json_array_size(a.whole));
	if (ret == 0 && json_array_size(a.whole) == 0) {
		*out = json_incref(a.fields);
	} else if (ret == 0 && json_array_size(a.whole) == 1) {
		*out = json_incref(json_array_get(a.whole, 0));
		json_object_update(*out, a.fields);
	} else if (ret == 0) {
		*out = json_incref(a.whole);
	}
	json_decref(a.whole);
	json_decref(a.fields);
	return ret;
}
