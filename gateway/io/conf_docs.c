/* SPDX-License-Identifier: MIT */
/*
 * The documents that are written from the table of keys. The files in the
 * tree are this output; a test compares them.
 */
#include "conf_private.h"

#include <string.h>

/* What holds for every key: a title, and what to say. */
static const struct {
    const char *title;
    const char *text;
} rules[] = {
    {"The file",
     "Sections in brackets, and key = value on one line of at most 4096 "
     "octets. A '#' or ';' at the start of a line begins a comment, a ';' also "
     "after a blank. A list is separated by commas. A key may be given once. "
     "An unknown key or section is an error; nothing is passed over silently."},
    {"Precedence",
     "A value given with --set SECTION.KEY=VALUE comes before one in the "
     "environment as MQTTSN_SECTION_KEY, that before one in the file, and that "
     "before the default. For [listener lan] the section is listener.lan, in "
     "the environment LISTENER_LAN; the first one so named creates the "
     "section. A variable that is empty counts as not set, and one that names "
     "no key is warned about."},
    {"Units",
     "Durations carry ms, s, m, h or d, as in 90s or 7d; sizes carry B, KiB, "
     "MiB or GiB; 0 needs no unit. Switches are yes or no."},
    {"Secrets",
     "They stand in files of their own, never in a value. A file that "
     "everybody may read or write is refused."},
    {"Reload",
     "On SIGHUP everything is read again. With an error nothing changes. Keys "
     "marked 'needs a restart' keep their value until then, and the log names "
     "each that is waiting."},
};
#define RULES (sizeof(rules) / sizeof(rules[0]))

static bool has_keys(const char *section)
{
    for (size_t k = 0; k < conf_key_count; k++) {
        if (strcmp(conf_keys[k].section, section) == 0)
            return true;
    }
    return false;
}

static const char *reload_text(const struct conf_key *key)
{
    return (key->flags & CONF_RELOADS) != 0 ? "reloads" : "needs a restart";
}

/* Fills a line of at most 'columns' with words, each line begun by 'lead'. */
static void print_wrapped(FILE *out, const char *lead, size_t columns,
                          const char *text)
{
    size_t column = 0;

    while (*text != '\0') {
        size_t word = strcspn(text, " ");

        if (column != 0 && column + 1 + word > columns) {
            fputc('\n', out);
            column = 0;
        }
        if (column == 0)
            column = (size_t)fprintf(out, "%s", lead);
        else
            column += (size_t)fprintf(out, " ");
        column += (size_t)fprintf(out, "%.*s", (int)word, text);
        text += word;
        text += *text == ' ';
    }
    fputc('\n', out);
}

/* ---- packaging/gateway.conf.sample ---- */

/* A value that can stand for the default of a key without one of its own;
 * maybe in 'buf'. */
static const char *sample_value(const struct conf_key *key, char *buf,
                                size_t cap)
{
    const struct conf_key *general;

    if (key->scope != CONF_CLIENT)
        return key->value;
    general = conf_key_find("limits", key->name, strlen(key->name));
    if (general == NULL)
        general = conf_key_find("listener", key->name, strlen(key->name));
    if (general != NULL)
        return general->value;
    if (key->type == CONF_BOOL)
        return "no";
    return key->type == CONF_CHOICE ? conf_word(key->words, 0, buf, cap) : "";
}

static void sample_key(FILE *out, const struct conf_key *key)
{
    char what[160], text[600], word[48];
    const char *value = key->note != NULL ? key->note : key->value;

    fputc('\n', out);
    snprintf(text, sizeof(text), "%s.", key->meaning);
    print_wrapped(out, "# ", 78, text);
    snprintf(text, sizeof(text), "Takes %s. Default: %s. %c%s.",
             conf_key_expects(key, what, sizeof(what)), value,
             (key->flags & CONF_RELOADS) != 0 ? 'R' : 'N',
             reload_text(key) + 1);
    print_wrapped(out, "# ", 78, text);
    value = sample_value(key, word, sizeof(word));
    fprintf(out, *value == '\0' ? ";%s =%s\n" : ";%s = %s\n", key->name, value);
}

static void sample_head(FILE *out, const struct conf_section_row *row)
{
    fputc('\n', out);
    print_wrapped(out, "# ", 78, row->meaning);
    if (strcmp(row->name, "listener") == 0)
        fputs(";[listener lan]\n", out);
    else if (strcmp(row->name, "client") == 0)
        fputs(";[client sensor-*]\n", out);
    else
        fprintf(out, "[%s]\n", row->name);
    if (strcmp(row->name, "predefined") == 0)
        fputs(";101 = site/boiler/temperature\n"
              ";102 = site/door/state, open\n",
              out);
}

static void print_sample(FILE *out)
{
    fputs("# Configuration of mqttsn-gateway, for " GW_CONFIG_FILE ".\n"
          "# Everything here is a comment and shows the default: an empty file "
          "does the\n# same. Take away a ';' to set a key. See "
          "mqttsn-gateway.conf(5).\n",
          out);
    for (size_t i = 0; i < RULES; i++) {
        char text[1024];

        fputs("#\n", out);
        snprintf(text, sizeof(text), "%s: %s", rules[i].title, rules[i].text);
        print_wrapped(out, "# ", 78, text);
    }
    for (size_t s = 0; s < conf_section_count; s++) {
        const struct conf_section_row *row = &conf_section_rows[s];

        sample_head(out, row);
        for (size_t k = 0; k < conf_key_count; k++) {
            if (strcmp(conf_keys[k].section, row->name) == 0)
                sample_key(out, &conf_keys[k]);
        }
    }
}

/* ---- docs/config.md ---- */

/* A '|' would end the cell. */
static void print_cell(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void markdown_key(FILE *out, const struct conf_key *key)
{
    char what[160];

    fprintf(out, "| `%s` | ", key->name);
    print_cell(out, conf_key_expects(key, what, sizeof(what)));
    fputs(" | ", out);
    if (key->note != NULL)
        print_cell(out, key->note);
    else
        fprintf(out, "`%s`", key->value);
    fprintf(out, " | %s | ", (key->flags & CONF_RELOADS) != 0 ? "yes" : "no");
    print_cell(out, key->meaning);
    fputs(" |\n", out);
}

static void print_markdown(FILE *out)
{
    fputs("# Configuration\n\n"
          "<!-- Written by mqttsn-gateway from its table of keys; change that, "
          "not this. -->\n\n"
          "The file is `" GW_CONFIG_FILE "`, or what `-c` names.\n"
          "`mqttsn-gateway --check-config` says what is wrong with it, and how "
          "much memory its\nlimits add up to; `--print-config` shows every "
          "value and where it comes from.\n",
          out);
    for (size_t i = 0; i < RULES; i++) {
        fprintf(out, "\n**%s.** %s\n", rules[i].title, rules[i].text);
    }
    for (size_t s = 0; s < conf_section_count; s++) {
        const struct conf_section_row *row = &conf_section_rows[s];

        fprintf(out, "\n## %s\n\n%s\n", row->title, row->meaning);
        if (has_keys(row->name))
            fputs("\n| Key | Takes | Default | Reloads | Meaning |\n"
                  "| --- | --- | --- | --- | --- |\n",
                  out);
        for (size_t k = 0; k < conf_key_count; k++) {
            if (strcmp(conf_keys[k].section, row->name) == 0)
                markdown_key(out, &conf_keys[k]);
        }
    }
}

/* ---- docs/man/mqttsn-gateway.conf.5 ---- */

static void print_roff(FILE *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", out);
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else if (*text == '\'')
            fputs("\\(aq", out);
        else
            fputc(*text, out);
    }
}

static void manual_key(FILE *out, const struct conf_key *key)
{
    char text[512], what[160];

    fputs(".TP\n.B ", out);
    print_roff(out, key->name);
    fputc('\n', out);
    print_roff(out, key->meaning);
    fputs(".\n", out);
    snprintf(text, sizeof(text), "Takes %s; default: %s; %s.",
             conf_key_expects(key, what, sizeof(what)),
             key->note != NULL ? key->note : key->value, reload_text(key));
    print_roff(out, text);
    fputc('\n', out);
}

static void manual_section(FILE *out, const struct conf_section_row *row)
{
    fputs(".SS ", out);
    print_roff(out, row->title);
    fputc('\n', out);
    print_roff(out, row->meaning);
    fputc('\n', out);
    for (size_t k = 0; k < conf_key_count; k++) {
        if (strcmp(conf_keys[k].section, row->name) == 0)
            manual_key(out, &conf_keys[k]);
    }
}

static void print_manual(FILE *out)
{
    fputs(".\\\" SPDX-License-Identifier: MIT\n"
          ".\\\" Written by mqttsn-gateway from its table of keys.\n"
          ".TH MQTTSN\\-GATEWAY.CONF 5 \"2026-11-23\" \"mqttsn\\-gateway\" "
          "\"File formats\"\n"
          ".SH NAME\n"
          "mqttsn\\-gateway.conf \\- configuration of mqttsn\\-gateway\n"
          ".SH SYNOPSIS\n.I ",
          out);
    print_roff(out, GW_CONFIG_FILE);
    fputs("\n.SH DESCRIPTION\n", out);
    for (size_t i = 0; i < RULES; i++) {
        fputs(".TP\n.B ", out);
        print_roff(out, rules[i].title);
        fputc('\n', out);
        print_roff(out, rules[i].text);
        fputc('\n', out);
    }
    fputs(".SH CONFIGURATION\n", out);
    for (size_t s = 0; s < conf_section_count; s++)
        manual_section(out, &conf_section_rows[s]);
    fputs(".SH SEE ALSO\n.BR mqttsn\\-gateway (8)\n", out);
}

void gw_config_print_document(enum gw_config_document document, FILE *out)
{
    switch (document) {
    case GW_CONFIG_SAMPLE:
        print_sample(out);
        break;
    case GW_CONFIG_MARKDOWN:
        print_markdown(out);
        break;
    case GW_CONFIG_MANUAL:
        print_manual(out);
        break;
    }
}
