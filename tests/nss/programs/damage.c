/* Damages the live files under the mappings of this very process, in every way at every word, and asks the
   module everything after each: damage STEP ROUNDS INDEX-BYTES SHADOW-BYTES.
   Each word is made a link to every STEPth place. ROUNDS are of random damage. The lengths are those of what is in use; behind it is nothing to damage. */
#include "check.h"
#include <stdint.h>

enum { MANY = 2000 };

typedef int by_id(uid_t, struct passwd *, char *, size_t, int *);
typedef int next_user(struct passwd *, char *, size_t, int *);
typedef int group_by_name(const char *, struct group *, char *, size_t, int *);
typedef int group_by_id(gid_t, struct group *, char *, size_t, int *);
typedef int next_group(struct group *, char *, size_t, int *);
typedef int shadow_by_name(const char *, struct spwd *, char *, size_t, int *);
typedef int next_shadow(struct spwd *, char *, size_t, int *);
typedef int groups_of(const char *, gid_t, long *, long *, gid_t **, long, int *);
typedef int begin(int);

static by_name *getpwnam_of_ours;
static by_id *getpwuid_of_ours;
static next_user *getpwent_of_ours;
static group_by_name *getgrnam_of_ours;
static group_by_id *getgrgid_of_ours;
static next_group *getgrent_of_ours;
static shadow_by_name *getspnam_of_ours;
static next_shadow *getspent_of_ours;
static groups_of *initgroups_of_ours;
static begin *setpwent_of_ours, *setgrent_of_ours, *setspent_of_ours;

/* The caller's buffer, allocated to the byte so that valgrind sees what is written or read behind it. */
static char *buffer;
static size_t length;
static int error;

static void is_string(const char *string)
{
    CHECK(string >= buffer && string < buffer + length);
    CHECK(memchr(string, 0, buffer + length - string));
    /* Every byte of it is defined, or this branch on it is a complaint of valgrind's. */
    if (strlen(string) > length)
        abort();
}

/* Whether the status is one of the four, with what belongs to it. */
static int is_success(int status)
{
    CHECK(status >= TRY_AGAIN && status <= SUCCESS);
    CHECK(status == SUCCESS || error != 0);
    CHECK((status == TRY_AGAIN) == (status != SUCCESS && error == ERANGE));
    return status == SUCCESS;
}

static int user_is(int status, const struct passwd *user)
{
    if (!is_success(status))
        return 0;
    is_string(user->pw_name);
    is_string(user->pw_passwd);
    is_string(user->pw_gecos);
    is_string(user->pw_dir);
    is_string(user->pw_shell);
    /* Whatever is in the file, it makes nobody root. */
    CHECK(user->pw_uid != 0 && user->pw_uid <= INT_MAX);
    return 1;
}

static int group_is(int status, const struct group *group)
{
    if (!is_success(status))
        return 0;
    is_string(group->gr_name);
    is_string(group->gr_passwd);
    CHECK(group->gr_gid <= INT_MAX && (uintptr_t)group->gr_mem % sizeof(char *) == 0);
    for (char **member = group->gr_mem;; member++) {
        CHECK((char *)member >= buffer && (char *)(member + 1) <= buffer + length);
        if (!*member)
            return 1;
        is_string(*member);
    }
}

static int shadow_is(int status, const struct spwd *shadow)
{
    if (!is_success(status))
        return 0;
    is_string(shadow->sp_namp);
    is_string(shadow->sp_pwdp);
    CHECK(strcmp(shadow->sp_pwdp, "*") == 0 || strcmp(shadow->sp_pwdp, "!*") == 0);
    return 1;
}

static void ask_everything(void)
{
    static const char *const names[] = { "alice", "bob", "team", "e", "eve" };
    static const unsigned ids[] = { 0, 3000, 3001, 4000, 4001, 5 };
    struct passwd user;
    struct group group;
    struct spwd shadow;
    error = 0;
    for (unsigned at = 0; at < sizeof names / sizeof *names; at++) {
        user_is(getpwnam_of_ours(names[at], &user, buffer, length, &error), &user);
        group_is(getgrnam_of_ours(names[at], &group, buffer, length, &error), &group);
        shadow_is(getspnam_of_ours(names[at], &shadow, buffer, length, &error), &shadow);
        long start = 1, size = 2;
        gid_t *groups = malloc(2 * sizeof *groups);
        groups[0] = 77;
        is_success(initgroups_of_ours(names[at], 4000, &start, &size, &groups, at % 2 ? 2 : -1, &error));
        CHECK(start >= 1 && start <= size && start < MANY && groups[0] == 77);
        for (long place = 1; place < start; place++)
            CHECK(groups[place] != 4000 && groups[place] <= INT_MAX);
        free(groups);
    }
    for (unsigned at = 0; at < sizeof ids / sizeof *ids; at++) {
        if (user_is(getpwuid_of_ours(ids[at], &user, buffer, length, &error), &user))
            CHECK(user.pw_uid == ids[at]);
        if (group_is(getgrgid_of_ours(ids[at], &group, buffer, length, &error), &group))
            CHECK(group.gr_gid == ids[at]);
    }
    int met = 0;
    for (setpwent_of_ours(0); user_is(getpwent_of_ours(&user, buffer, length, &error), &user);)
        CHECK(met++ < MANY);
    for (setgrent_of_ours(0); group_is(getgrent_of_ours(&group, buffer, length, &error), &group);)
        CHECK(met++ < MANY);
    for (setspent_of_ours(0); shadow_is(getspent_of_ours(&shadow, buffer, length, &error), &shadow);)
        CHECK(met++ < MANY);
}

/* In a buffer that is large enough and in one that is not. */
static void ask(void)
{
    static const size_t lengths[] = { 512, 37 };
    for (int at = 0; at < 2; at++) {
        length = lengths[at];
        buffer = malloc(length);
        ask_everything();
        free(buffer);
    }
}

static int file;
static uint32_t *whole;

static void put(size_t word, uint32_t value)
{
    CHECK(pwrite(file, &value, 4, word * 4) == 4);
}

static void restore(size_t from, size_t words)
{
    CHECK(pwrite(file, whole + from, words * 4, from * 4) == (ssize_t)words * 4);
}

static void damage(const char *path, size_t words, size_t step, size_t rounds)
{
    static const uint32_t zeroes[1024], values[] = { 1, 28, 29, 255, 1 << 28, 0x7fffffff, 0x80000000, 0xffffffff };
    uint32_t random = 1;
    file = open(path, O_RDWR | O_CLOEXEC);
    whole = malloc(words * 4);
    CHECK(file >= 0 && pread(file, whole, words * 4, 0) == (ssize_t)words * 4);
    for (size_t at = 0; at < words; at++) {
        for (int bit = 0; bit < 32; bit++) {
            put(at, whole[at] ^ (uint32_t)1 << bit);
            ask();
        }
        for (size_t value = 0; value < sizeof values / sizeof *values; value++) {
            put(at, values[value]);
            ask();
        }
        /* Every place that a link can lead to: the record itself, those before it, the header. */
        for (size_t unit = at % step; unit <= words / 2; unit += step) {
            put(at, unit);
            ask();
        }
        restore(at, 1);
        /* One word, a page, all the rest. */
        put(at, 0);
        ask();
        size_t page = words - at < 1024 ? words - at : 1024;
        CHECK(pwrite(file, zeroes, page * 4, at * 4) == (ssize_t)page * 4);
        ask();
        for (size_t zeroed = at; zeroed < words; zeroed += 1024) {
            page = words - zeroed < 1024 ? words - zeroed : 1024;
            CHECK(pwrite(file, zeroes, page * 4, zeroed * 4) == (ssize_t)page * 4);
        }
        ask();
        restore(at, words - at);
    }
    for (size_t round = 0; round < rounds; round++) {
        for (size_t poke = 0; poke <= round % 16; poke++) {
            random = random * 1664525 + 1013904223;
            size_t word = (random >> 8) % words;
            random = random * 1664525 + 1013904223;
            put(word, round % 3 ? (random >> 8) % (words / 2) : random);
        }
        ask();
        if (round % 4 == 3)
            restore(0, words);
    }
    restore(0, words);
    free(whole);
    CHECK(close(file) == 0);
}

int main(int count, char **arguments)
{
    CHECK(count == 5);
    size_t step = strtoul(arguments[1], NULL, 10), rounds = strtoul(arguments[2], NULL, 10);
    getpwnam_of_ours = entry_point("_nss_roster_getpwnam_r");
    getpwuid_of_ours = entry_point("_nss_roster_getpwuid_r");
    getpwent_of_ours = entry_point("_nss_roster_getpwent_r");
    getgrnam_of_ours = entry_point("_nss_roster_getgrnam_r");
    getgrgid_of_ours = entry_point("_nss_roster_getgrgid_r");
    getgrent_of_ours = entry_point("_nss_roster_getgrent_r");
    getspnam_of_ours = entry_point("_nss_roster_getspnam_r");
    getspent_of_ours = entry_point("_nss_roster_getspent_r");
    initgroups_of_ours = entry_point("_nss_roster_initgroups_dyn");
    setpwent_of_ours = entry_point("_nss_roster_setpwent");
    setgrent_of_ours = entry_point("_nss_roster_setgrent");
    setspent_of_ours = entry_point("_nss_roster_setspent");
    alarm(300);
    CHECK(ask_for_alice(getpwnam_of_ours, &error) == SUCCESS);
    damage("/run/roster/index", strtoul(arguments[3], NULL, 10) / 4, step, rounds);
    damage("/run/roster/shadow", strtoul(arguments[4], NULL, 10) / 4, step, rounds);
    CHECK(ask_for_alice(getpwnam_of_ours, &error) == SUCCESS);
    return 0;
}
