#include "lookups.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct accounts read_list(const char *folder, const char *name, size_t limit)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        give_up("cannot read", path);
    struct accounts read = { NULL, 0 };
    size_t room = 0;
    struct account next;
    while (read.count < limit && fscanf(file, "%31s %u", next.name, &next.uid) == 2) {
        if (read.count == room) {
            room = room == 0 ? 1024 : 2 * room;
            read.list = realloc(read.list, room * sizeof *read.list);
            if (read.list == NULL)
                give_up("no memory for", path);
        }
        read.list[read.count++] = next;
    }
    fclose(file);
    errno = 0;
    if (read.count == 0)
        give_up("nobody stands in", path);
    return read;
}

struct wanted read_accounts(const char *folder, size_t limit)
{
    struct accounts present = read_list(folder, "present", limit);
    return (struct wanted){
        .population = present.count,
        .present = present,
        .missing = read_list(folder, "missing", limit),
        .members = read_list(folder, "members", limit),
    };
}
