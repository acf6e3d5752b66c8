/* Looks up where system calls are forbidden. */
#include "check.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static by_name *getpwnam_of_ours;

/* Makes one system call fail with an errno from here on. */
static void forbid(int number, int with)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | with),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof rules / sizeof *rules, rules };
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0);
}

/* Nothing but read, write and exit, on pain of death: what is mapped is served without asking. */
static void strictly(void)
{
    typedef int by_id(uid_t, struct passwd *, char *, size_t, int *);
    typedef int group_by_name(const char *, struct group *, char *, size_t, int *);
    typedef int next(struct passwd *, char *, size_t, int *);
    typedef int initgroups_dyn(const char *, gid_t, long *, long *, gid_t **, long, int *);
    by_id *getpwuid_of_ours = entry_point("_nss_roster_getpwuid_r");
    group_by_name *getgrnam_of_ours = entry_point("_nss_roster_getgrnam_r");
    next *getpwent_of_ours = entry_point("_nss_roster_getpwent_r");
    initgroups_dyn *initgroups_of_ours = entry_point("_nss_roster_initgroups_dyn");
    char buffer[1024];
    struct passwd user;
    struct group group;
    gid_t room[64], *groups = room;
    long start = 0, size = 64;
    int error = 0;
    CHECK(ask_for_alice(getpwnam_of_ours, &error) == SUCCESS);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
    for (int round = 0; round < 100; round++) {
        CHECK(ask_for_alice(getpwnam_of_ours, &error) == SUCCESS);
        CHECK(getpwnam_of_ours("eve", &user, buffer, sizeof buffer, &error) == NOT_FOUND);
        CHECK(getpwuid_of_ours(3001, &user, buffer, sizeof buffer, &error) == SUCCESS);
        CHECK(getpwuid_of_ours(3001, &user, buffer, 3, &error) == TRY_AGAIN);
        CHECK(getgrnam_of_ours("team", &group, buffer, sizeof buffer, &error) == SUCCESS);
        start = 0;
        CHECK(initgroups_of_ours("alice", 3000, &start, &size, &groups, -1, &error) == SUCCESS);
        CHECK(start == 3 && groups == room);
    }
    int users = 0;
    while (getpwent_of_ours(&user, buffer, sizeof buffer, &error) == SUCCESS)
        users++;
    CHECK(users == 5);
    syscall(SYS_exit, 0);
}

int main(void)
{
    getpwnam_of_ours = entry_point("_nss_roster_getpwnam_r");
    pid_t child = fork();
    if (child == 0)
        strictly();
    wait_for(child);

    /* From the start: unavailable, for the reason that the filter gives. The one errno that would make
       glibc come back with larger and larger buffers is not passed on. */
    static const int needed[] = { SYS_openat, SYS_mmap };
    for (int at = 0; at < 2; at++) {
        for (int with = 0; with < 3; with++) {
            static const int errors[] = { EPERM, ENOSYS, ERANGE }, told[] = { EPERM, ENOSYS, EIO };
            child = fork();
            if (child == 0) {
                int error = 0, before = count_descriptors();
                forbid(needed[at], errors[with]);
                for (int round = 0; round < 3; round++)
                    CHECK(ask_for_alice(getpwnam_of_ours, &error) == UNAVAILABLE && error == told[with]);
                CHECK(count_descriptors() == before);
                _exit(0);
            }
            wait_for(child);
        }
    }

    /* Later: what is mapped goes on until it is known to be old. */
    child = fork();
    if (child == 0) {
        int error = 0, go[2];
        CHECK(ask_for_alice(getpwnam_of_ours, &error) == SUCCESS && pipe(go) == 0);
        pid_t other = fork();
        if (other == 0) {
            char byte;
            CHECK(read(go[0], &byte, 1) == 1);
            replace_index();
            _exit(0);
        }
        forbid(SYS_openat, EACCES);
        CHECK(ask_for_alice(getpwnam_of_ours, &error) == SUCCESS && error == 0);
        CHECK(write(go[1], "", 1) == 1);
        wait_for(other);
        CHECK(ask_for_alice(getpwnam_of_ours, &error) == UNAVAILABLE && error == EACCES);
        _exit(0);
    }
    wait_for(child);
    return 0;
}
