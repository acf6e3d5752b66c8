/* Measures lookups through glibc's name service switch; tests/bench/run.sh compiles it and
 * tests/src/bin/bench_lookups runs it on a throwaway Debian.
 *
 *   measure FOLDER OPERATION=ROUNDS,CALLS,MILLISECONDS… -- SOURCE[=NAMES]…
 *   calls FOLDER OPERATION COUNT     so many lookups and nothing else, for tools that count
 *   in VIEW PROGRAM…                 a program that sees the system as a source shows it
 *   first NAME                       the time of the first lookup of a process
 *   enumerate COUNT                  the time of an enumeration
 *   enumerate-memory COUNT           what it adds to the process
 */

#include "lookups.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

void give_up(const char *what, const char *of)
{
    fprintf(stderr, "%s %s", what, of);
    fprintf(stderr, errno != 0 ? ": %s\n" : "%.0s\n", strerror(errno));
    exit(1);
}

static int make_calls(const char *folder, const char *operation, size_t count)
{
    struct wanted wanted = read_accounts(folder, 2000);
    enum operation of = operation_named(operation);
    for (size_t at = 0; at < count; at++)
        if (carry_out(of, &wanted, at, 1) == WRONG)
            return 1;
    return 0;
}

int main(int argc, char **argv)
{
    const char *command = argc > 2 ? argv[1] : "";
    if (strcmp(command, "first") == 0)
        return first_call(argv[2]);
    if (strcmp(command, "enumerate") == 0)
        return enumerate(strtoull(argv[2], NULL, 10));
    if (strcmp(command, "enumerate-memory") == 0)
        return enumerate_for_memory(strtoull(argv[2], NULL, 10));
    if (strcmp(command, "measure") == 0)
        return measure(argv + 2);
    if (strcmp(command, "calls") == 0 && argc == 5)
        return make_calls(argv[2], argv[3], strtoull(argv[4], NULL, 10));
    if (strcmp(command, "in") == 0 && argc > 3) {
        enter_view(argv[2]);
        execvp(argv[3], argv + 3);
        give_up("cannot run", argv[3]);
    }
    errno = 0;
    give_up("usage: see main.c of", argv[0]);
}
