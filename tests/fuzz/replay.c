/* SPDX-License-Identifier: MIT */
/*
 * Gives files to a fuzz target, in the order of their names: replay PATH...,
 * where a PATH is a file or a directory of files. The last line says how many
 * there were; none is an error.
 */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "target.h"

enum { FILE_OCTETS_MAX = 1 << 20 };

static size_t count;

static void replay_file(const char *path)
{
    static uint8_t buf[FILE_OCTETS_MAX + 1];
    FILE *file = fopen(path, "rb");
    uint8_t *octets;
    size_t len;

    if (file == NULL) {
        fprintf(stderr, "cannot open '%s': %s\n", path, strerror(errno));
        exit(1);
    }
    len = fread(buf, 1, sizeof(buf), file);
    if (ferror(file) || len > FILE_OCTETS_MAX) {
        fprintf(stderr, "cannot read '%s', or it is too large\n", path);
        exit(1);
    }
    fclose(file);
    /* The last line before a failure says which file it was. */
    printf("%s\n", path);
    fflush(stdout);
    octets = exact(buf, len);
    LLVMFuzzerTestOneInput(octets, len);
    free(octets);
    count++;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void replay(const char *path)
{
    struct dirent **entries;
    struct stat st;
    int n;

    if (stat(path, &st) != 0) {
        fprintf(stderr, "cannot find '%s': %s\n", path, strerror(errno));
        exit(1);
    }
    if (!S_ISDIR(st.st_mode)) {
        replay_file(path);
        return;
    }
    n = scandir(path, &entries, is_visible, alphasort);
    if (n < 0) {
        fprintf(stderr, "cannot read '%s': %s\n", path, strerror(errno));
        exit(1);
    }
    for (int i = 0; i < n; i++) {
        char name[4096];

        snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        replay_file(name);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    if (count == 0) {
        fprintf(stderr, "usage: %s FILE|DIRECTORY...\n", argv[0]);
        return 2;
    }
    printf("%zu inputs\n", count);
    return 0;
}
