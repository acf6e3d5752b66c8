/* What the programs in this folder share: checks, and lookups of the accounts that the tests publish. */
#ifndef CHECK_H
#define CHECK_H

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pthread.h>
#include <pwd.h>
#include <shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRY_AGAIN = -2, UNAVAILABLE = -1, NOT_FOUND = 0, SUCCESS = 1 };

#define SHARED static inline __attribute__((unused))
#define CHECK(condition) ((condition) ? (void)0 : failed(#condition, __FILE__, __LINE__))

/* Ends the program, from wherever it is. */
SHARED void failed(const char *condition, const char *file, int line)
{
    dprintf(2, "%s:%d: %s (errno %d)\n", file, line, condition, errno);
    _exit(1);
}

SHARED void find_alice(void)
{
    char buffer[1024];
    struct passwd entry, *found = NULL;
    CHECK(getpwnam_r("alice", &entry, buffer, sizeof buffer, &found) == 0 && found == &entry);
    CHECK(entry.pw_uid == 3000 && strcmp(entry.pw_dir, "/home/alice") == 0);
}

/* One of every lookup, through glibc. */
SHARED void find_each(void)
{
    char buffer[1024];
    struct passwd user, *found_user = NULL;
    struct group group, *found_group = NULL;
    find_alice();
    CHECK(getpwuid_r(3001, &user, buffer, sizeof buffer, &found_user) == 0 && found_user == &user);
    CHECK(strcmp(user.pw_name, "bob") == 0);
    CHECK(getpwnam_r("eve", &user, buffer, sizeof buffer, &found_user) == 0 && !found_user);
    CHECK(getgrnam_r("team", &group, buffer, sizeof buffer, &found_group) == 0 && found_group == &group);
    CHECK(strcmp(group.gr_mem[1], "bob") == 0 && !group.gr_mem[4]);
    CHECK(getgrgid_r(4002, &group, buffer, sizeof buffer, &found_group) == 0 && found_group == &group);
    CHECK(strcmp(group.gr_name, "e") == 0 && strcmp(group.gr_mem[0], "alice") == 0 && !group.gr_mem[1]);
    CHECK(getgrgid_r(99999, &group, buffer, sizeof buffer, &found_group) == 0 && !found_group);
    gid_t groups[8];
    int count = 8;
    CHECK(getgrouplist("alice", 3000, groups, &count) == 4);
    CHECK(groups[0] == 3000 && groups[1] == 4000 && groups[2] == 27 && groups[3] == 4002);
}

/* Only root can. */
SHARED void find_shadow(void)
{
    char buffer[1024];
    struct spwd entry, *found = NULL;
    CHECK(getspnam_r("alice", &entry, buffer, sizeof buffer, &found) == 0 && found == &entry);
    CHECK(strcmp(entry.sp_pwdp, "*") == 0 && entry.sp_lstchg == 20000);
}

/* How many users from alice on an enumeration meets. */
SHARED int count_users(void)
{
    int count = 0;
    setpwent();
    for (struct passwd *user; (user = getpwent());)
        count += count != 0 || strcmp(user->pw_name, "alice") == 0;
    endpwent();
    return count;
}

/* An entry point of the module, for calls that pass glibc by. */
SHARED void *entry_point(const char *name)
{
    void *module = dlopen("libnss_roster.so.2", RTLD_NOW);
    CHECK(module);
    void *address = dlsym(module, name);
    CHECK(address);
    return address;
}

typedef int by_name(const char *, struct passwd *, char *, size_t, int *);

/* getpwnam("alice") of the module itself: the status. */
SHARED int ask_for_alice(by_name *getpwnam_of_ours, int *error)
{
    char buffer[256];
    struct passwd entry;
    int status = getpwnam_of_ours("alice", &entry, buffer, sizeof buffer, error);
    CHECK(status != SUCCESS || (entry.pw_uid == 3000 && strcmp(entry.pw_dir, "/home/alice") == 0));
    return status;
}

/* Replaces the live file by one of the same content, as the daemon does: mark the old, rename the new. */
SHARED void replace_index(void)
{
    const char *path = "/run/roster/index", *new = "/run/roster/.replacing";
    static char buffer[1 << 16];
    int from = open(path, O_RDWR | O_CLOEXEC);
    int to = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    CHECK(from >= 0 && to >= 0 && fchmod(to, 0644) == 0);
    for (ssize_t length; (length = read(from, buffer, sizeof buffer)) != 0;)
        CHECK(length > 0 && write(to, buffer, length) == length);
    CHECK(pwrite(to, "\0\0\0\0", 4, SUPERSEDED_AT) == 4);
    CHECK(pwrite(from, "\1\1\1\1", 4, SUPERSEDED_AT) == 4);
    CHECK(rename(new, path) == 0 && close(from) == 0 && close(to) == 0);
}

/* How many descriptors this process has. */
SHARED int count_descriptors(void)
{
    int count = 0;
    for (int descriptor = 0; descriptor < 4096; descriptor++)
        count += fcntl(descriptor, F_GETFD) >= 0;
    return count;
}

/* How many mappings of the index this process has. */
SHARED int count_mappings(void)
{
    char line[PATH_MAX + 200];
    int count = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    CHECK(maps);
    while (fgets(line, sizeof line, maps))
        count += strstr(line, "/run/roster/") != NULL;
    fclose(maps);
    return count;
}

/* Waits for a child, which must succeed. */
SHARED void wait_for(pid_t child)
{
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    if (status != 0)
        dprintf(2, "a child ended with wait status %#x\n", status);
    CHECK(status == 0);
}

#endif
