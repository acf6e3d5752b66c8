#define _GNU_SOURCE
#include "lookups.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The groups of every account that is in `members`, beside its own. */
#define GROUPS 20
#define OWN_GROUP 2000

extern char **environ;

const char *const OPERATION_NAMES[OPERATIONS] = {
    [HIT_BY_NAME] = "hit-name",     [HIT_BY_UID] = "hit-uid",     [MISS_BY_NAME] = "miss-name",
    [MISS_BY_UID] = "miss-uid",     [INITGROUPS] = "initgroups",  [FIRST_CALL] = "first",
    [WHOLE_ID] = "id",              [ENUMERATION] = "enumeration",
};

enum operation operation_named(const char *name)
{
    for (enum operation at = 0; at < OPERATIONS; at++)
        if (strcmp(OPERATION_NAMES[at], name) == 0)
            return at;
    errno = 0;
    give_up("no such operation:", name);
}

/* Says what went wrong with one call; the operation is given up, not the process. */
static uint64_t wrong(const char *what, const char *of)
{
    fprintf(stderr, "%s %s%s%s\n", what, of, errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
    return WRONG;
}

/* Brings what a lookup is given into the cache: fetching that is not the module's work. */
static void fetch(const struct account *account)
{
    (void)*(const volatile char *)account->name;
    (void)*(const volatile uid_t *)&account->uid;
}

/* One lookup of a user. */
static uint64_t look_up(const struct account *account, int by_name, int present, int any)
{
    struct passwd entry, *result = NULL;
    char buffer[1024];
    fetch(account);
    uint64_t start = now();
    int error = by_name ? getpwnam_r(account->name, &entry, buffer, sizeof buffer, &result)
                        : getpwuid_r(account->uid, &entry, buffer, sizeof buffer, &result);
    uint64_t took = now() - start;
    int right = present ? result != NULL && (any || (entry.pw_uid == account->uid &&
                                                     strcmp(entry.pw_name, account->name) == 0))
                        : result == NULL;
    if (!right) {
        errno = error;
        return wrong(present ? "not found, or not as expected:" : "found, or failed:", account->name);
    }
    return took;
}

static uint64_t list_groups(const struct account *member)
{
    gid_t groups[128];
    int count = sizeof groups / sizeof *groups;
    fetch(member);
    uint64_t start = now();
    int listed = getgrouplist(member->name, OWN_GROUP, groups, &count);
    uint64_t took = now() - start;
    errno = 0;
    if (listed != GROUPS + 1) {
        fprintf(stderr, "%d groups: ", listed);
        return wrong("not just its own:", member->name);
    }
    return took;
}

/* Runs a program to its end. With `output` its standard output is read into that, else it is lost. */
static uint64_t run(char *const *program, char *output, size_t length)
{
    int ends[2];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (output == NULL) {
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", 1, 0);
    } else {
        if (pipe2(ends, 02000000 /* O_CLOEXEC */) != 0)
            give_up("no pipe for", program[0]);
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    }
    pid_t child;
    int status = 0;
    uint64_t start = now();
    errno = posix_spawn(&child, program[0], &actions, NULL, program, environ);
    if (errno != 0)
        give_up("cannot run", program[0]);
    if (output != NULL) {
        close(ends[1]);
        ssize_t got = read(ends[0], output, length - 1);
        output[got > 0 ? got : 0] = '\0';
        close(ends[0]);
    }
    waitpid(child, &status, 0);
    uint64_t took = now() - start;
    posix_spawn_file_actions_destroy(&actions);
    errno = 0;
    if (status != 0)
        return wrong("failed:", program[0]);
    return took;
}

/* Runs this program again; gives the number that it prints. */
static uint64_t run_self(char *what, char *argument)
{
    char path[] = "/proc/self/exe", output[64];
    char *program[] = { path, what, argument, NULL };
    return run(program, output, sizeof output) == WRONG ? WRONG : strtoull(output, NULL, 10);
}

int first_call(const char *name)
{
    struct passwd entry, *result = NULL;
    char buffer[1024];
    now();
    uint64_t start = now();
    int error = getpwnam_r(name, &entry, buffer, sizeof buffer, &result);
    uint64_t took = now() - start;
    errno = error;
    if (result == NULL)
        give_up("not found:", name);
    printf("%llu\n", (unsigned long long)took);
    return 0;
}

uint64_t carry_out(enum operation operation, const struct wanted *wanted, size_t which, int any)
{
    const struct accounts *of = operation == MISS_BY_NAME || operation == MISS_BY_UID ? &wanted->missing
                                : operation == INITGROUPS || operation == WHOLE_ID    ? &wanted->members
                                                                                      : &wanted->present;
    struct account *account = &of->list[which % of->count];
    switch (operation) {
    case HIT_BY_NAME:
        return look_up(account, 1, 1, any);
    case HIT_BY_UID:
        return look_up(account, 0, 1, any);
    case MISS_BY_NAME:
        return look_up(account, 1, 0, any);
    case MISS_BY_UID:
        return look_up(account, 0, 0, any);
    case INITGROUPS:
        return list_groups(account);
    case FIRST_CALL:
        return run_self("first", account->name);
    case WHOLE_ID: {
        char path[] = "/usr/bin/id";
        char *program[] = { path, account->name, NULL };
        return run(program, NULL, 0);
    }
    case ENUMERATION: {
        char count[32];
        snprintf(count, sizeof count, "%zu", wanted->population);
        return run_self("enumerate", count);
    }
    default:
        errno = 0;
        give_up("no such operation", "");
    }
}
