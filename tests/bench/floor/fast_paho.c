/* SPDX-License-Identifier: MIT */
/*
 * What a Paho built for performance leaves out: it neither keeps account of
 * its memory nor notes which function it enters. scripts/bench --fast-paho
 * links the packaged static library with this in place of two of its objects,
 * to show what the packaged build costs. For measuring only.
 */
#include <stddef.h>
#include <stdlib.h>

/* As Paho calls them; it has no header of its own for others. */
void *mymalloc(char *file, int line, size_t size);
void *myrealloc(char *file, int line, void *p, size_t size);
void myfree(char *file, int line, void *p);
int Heap_initialize(void);
void Heap_terminate(void);
void *Heap_get_info(void);
void *Heap_findItem(void *p);
void Heap_unlink(char *file, int line, void *p);
int HeapDump(void *file);
int HeapDumpString(void *file, char *text);
void StackTrace_entry(const char *name, int line, int level);
void StackTrace_exit(const char *name, int line, void *value, int level);
void StackTrace_printStack(void *destination);
char *StackTrace_get(unsigned long thread, char *buf, int len);
int setStack(int create);

void *mymalloc(char *file, int line, size_t size)
{
    (void)file;
    (void)line;
    return malloc(size);
}

void *myrealloc(char *file, int line, void *p, size_t size)
{
    (void)file;
    (void)line;
    return realloc(p, size);
}

void myfree(char *file, int line, void *p)
{
    (void)file;
    (void)line;
    free(p);
}

int Heap_initialize(void)
{
    return 0;
}

void Heap_terminate(void)
{
}

void *Heap_get_info(void)
{
    static size_t none[2];

    return none;
}

void *Heap_findItem(void *p)
{
    (void)p;
    return NULL;
}

void Heap_unlink(char *file, int line, void *p)
{
    (void)file;
    (void)line;
    (void)p;
}

int HeapDump(void *file)
{
    (void)file;
    return 0;
}

int HeapDumpString(void *file, char *text)
{
    (void)file;
    (void)text;
    return 0;
}

void StackTrace_entry(const char *name, int line, int level)
{
    (void)name;
    (void)line;
    (void)level;
}

void StackTrace_exit(const char *name, int line, void *value, int level)
{
    (void)name;
    (void)line;
    (void)value;
    (void)level;
}

void StackTrace_printStack(void *destination)
{
    (void)destination;
}

char *StackTrace_get(unsigned long thread, char *buf, int len)
{
    (void)thread;
    if (len > 0)
        buf[0] = '\0';
    return buf;
}

int setStack(int create)
{
    (void)create;
    return 1;
}
