/* SPDX-License-Identifier: MIT */
/*
 * Reading the file. inih finds sections and keys, but as distributions build
 * it, it cuts lines at 199 characters, ends a section's name at its first ']'
 * (a pattern like n[0-9]* has several) and tells its handler no line number.
 * So our reader looks at each line first, keeps section and value itself, and
 * gives inih "[section]" or "name=" as a stand-in; whatever options inih was
 * built with, a file means the same.
 */
#include "conf_private.h"

#include <errno.h>
#include <ini.h>
#include <string.h>
#include <sys/stat.h>

#include "mqttsn/topic.h"

/* What inih keeps of a name. Longer ones are no keys of ours. */
#define INIH_NAME_MAX 49

/* What has no end, like a device, must not keep us for ever. */
#define FILE_OCTETS_MAX (16 * 1024 * 1024)

struct reader {
    struct conf_lines lines;
    struct conf_target target;
    bool in_section;
    char line[CONF_LINE_MAX + 1];
    const char *value; /* points into 'line' */
};

char *conf_trim(char *text)
{
    char *end = text + strlen(text);

    while (*text == ' ' || *text == '\t')
        text++;
    while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *end = '\0';
    return text;
}

FILE *conf_open_file(struct conf_load *load, const struct conf_place *place,
                     const char *key, const char *path, bool may_be_missing)
{
    FILE *file = fopen(path, "re");
    struct stat st;

    if (file == NULL) {
        if (errno != ENOENT || !may_be_missing)
            conf_error(load, place, key, "cannot open '%s': %s", path,
                       strerror(errno));
        return NULL;
    }
    if (fstat(fileno(file), &st) != 0 || S_ISDIR(st.st_mode)) {
        conf_error(load, place, key, "cannot read '%s': it is a directory",
                   path);
        fclose(file);
        return NULL;
    }
    return file;
}

/* Why a line cannot be used, or NULL. */
static const char *judge(const char *buf, size_t len)
{
    if (len > CONF_LINE_MAX)
        return "the line is longer than 4096 octets";
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)buf[i];

        if (c == 0)
            return "the line has a NUL octet";
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return "the line has a control character";
    }
    if (!mqttsn_utf8_valid(mqttsn_span(buf, len)))
        return "the line is not UTF-8";
    return NULL;
}

bool conf_next_line(struct conf_lines *lines, char *buf)
{
    const char *why;
    size_t len = 0;
    int c;

    if (lines->ended)
        return false;
    while ((c = getc(lines->file)) != EOF && c != '\n' &&
           lines->octets++ < FILE_OCTETS_MAX) {
        if (len < CONF_LINE_MAX)
            buf[len] = (char)c;
        if (len <= CONF_LINE_MAX)
            len++;
    }
    lines->ended = c == EOF;
    lines->place.line++;
    if (ferror(lines->file)) {
        conf_error(lines->load, &lines->place, "", "cannot read: %s",
                   strerror(errno));
        return false;
    }
    if (len == 0 && lines->ended)
        return false;
    if (lines->octets > FILE_OCTETS_MAX) {
        conf_error(lines->load, &lines->place, "",
                   "the file is larger than 16 MiB");
        lines->ended = true;
        return false;
    }
    if (len > 0 && len <= CONF_LINE_MAX && buf[len - 1] == '\r')
        len--;
    why = judge(buf, len);
    if (why != NULL) {
        conf_error(lines->load, &lines->place, "", "%s", why);
        len = 0;
    }
    buf[len] = '\0';
    return true;
}

void conf_read_rows(struct conf_load *load, const struct conf_place *given,
                    const char *key, const char *path,
                    void (*add)(struct conf_load *load,
                                const struct conf_place *place, char *line))
{
    struct conf_lines lines = {.load = load};
    char *buf = conf_alloc(load, CONF_LINE_MAX + 1), *line;

    if (load->no_memory) /* also before: what 'add' writes to may be missing */
        return;
    lines.place.origin = CONF_FILE;
    lines.place.file = path;
    lines.file = conf_open_file(load, given, key, path, false);
    if (lines.file == NULL)
        return;
    while (conf_next_line(&lines, buf)) {
        line = conf_trim(buf);
        if (*line != '\0' && *line != '#')
            add(load, &lines.place, line);
    }
    fclose(lines.file);
}

/* A ';' or '#' begins a comment at the start of a line, a ';' also after a
 * blank. */
static void cut_comment(char *line)
{
    if (*line == ';' || *line == '#')
        *line = '\0';
    for (char *at = line; (at = strchr(at, ';')) != NULL; at++) {
        if (at[-1] == ' ' || at[-1] == '\t') {
            *at = '\0';
            return;
        }
    }
}

static bool take_section(struct reader *r, char *line)
{
    size_t len = strlen(line);

    r->in_section = true;
    if (line[len - 1] != ']') {
        conf_error(r->lines.load, &r->lines.place, "",
                   "expected ']' at the end of a section");
        r->target = (struct conf_target){NULL, NULL};
        return false;
    }
    line[len - 1] = '\0';
    r->target =
        conf_open_section(r->lines.load, &r->lines.place, conf_trim(line + 1));
    return true;
}

/* What stands before '='; NULL when the line is no use. */
static const char *take_key(struct reader *r, char *line)
{
    char *equals = strchr(line, '=');
    const char *name;

    if (equals == NULL) {
        conf_error(r->lines.load, &r->lines.place, "",
                   "expected '[section]' or 'key = value'");
        return NULL;
    }
    *equals = '\0';
    r->value = conf_trim(equals + 1);
    name = conf_trim(line);
    if (!r->in_section) {
        conf_error(r->lines.load, &r->lines.place, "",
                   "expected a [section] before the first key");
        return NULL;
    }
    /* Before inih sees what it would read in its own way. */
    if (*name == '\0' || strlen(name) > INIH_NAME_MAX ||
        strpbrk(name, ":;[\t ") != NULL) {
        conf_error(r->lines.load, &r->lines.place, "",
                   "'%.60s' cannot be a key", name);
        return NULL;
    }
    return name;
}

/* inih's fgets. */
static char *give_line(char *str, int num, void *stream)
{
    struct reader *r = stream;

    for (;;) {
        const char *name;
        char *line;

        if (!conf_next_line(&r->lines, r->line))
            return NULL;
        line = r->line;
        if (r->lines.place.line == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0)
            line += 3;
        line = conf_trim(line);
        cut_comment(line);
        line = conf_trim(line);
        if (*line == '\0')
            continue;
        if (*line == '[') {
            if (!take_section(r, line))
                continue;
            snprintf(str, (size_t)num, "[section]\n");
            return str;
        }
        name = take_key(r, line);
        if (name == NULL)
            continue;
        snprintf(str, (size_t)num, "%s=\n", name);
        return str;
    }
}

static int take_pair(void *user, const char *section, const char *name,
                     const char *value)
{
    struct reader *r = user;

    (void)section;
    (void)value;
    conf_set(r->lines.load, &r->lines.place, &r->target, name, r->value);
    return 1;
}

void conf_read_file(struct conf_load *load)
{
    bool by_default = load->sources->file == NULL;
    const char *path = by_default ? GW_CONFIG_FILE : load->sources->file;
    struct reader *r = conf_alloc(load, sizeof(*r));

    if (r == NULL)
        return;
    r->lines.load = load;
    r->lines.place.origin = CONF_FILE;
    r->lines.place.file = conf_dup(load, path, strlen(path));
    r->lines.file = conf_open_file(load, &r->lines.place, "", path, by_default);
    if (r->lines.file == NULL)
        return;
    if (ini_parse_stream(give_line, r, take_pair, r) < 0)
        load->no_memory = true;
    fclose(r->lines.file);
}
