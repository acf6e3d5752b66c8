/* All sources side by side: each has a process of its own, which sees the system as that source shows
 * it, and they take turns on one processor. What disturbs the machine disturbs all of them. */

#define _GNU_SOURCE
#include "lookups.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_SOURCES 16
#define MOST_CALLS 400000
/* No source may take longer than this for all of its turns at one operation. */
#define PATIENCE 2500000000ULL

/* What a source is to do next. */
struct turn {
    enum operation operation;
    int record;           /* keep the times */
    size_t calls;         /* at most so many calls */
    uint64_t nanoseconds; /* none begins after this time */
};

struct source {
    const char *name;
    char view[4096];
    size_t names; /* only so many of the accounts are asked for */
    int warmed;   /* each of them is asked for once before */
    pid_t process;
    int line; /* a socket: turns one way, numbers of calls the other way */
};

struct times {
    uint64_t *each;
    size_t count;
    size_t next; /* account */
    uint64_t spent;
    int wrong; /* an answer was */
};

static int by_size(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* A quantile of sorted times. Many clocks move in steps of ten nanoseconds or more, which is too coarse
 * here: times of one step are taken to be spread evenly from half a step below to half a step above, as
 * for the median of grouped observations. */
static double quantile(const uint64_t *each, size_t count, double of)
{
    double rank = of * (double)(count - 1);
    size_t middle = (size_t)rank, first = middle, end = middle + 1;
    while (first > 0 && each[middle] - each[first - 1] <= 2)
        first--;
    while (end < count && each[end] - each[middle] <= 2)
        end++;
    if (first == 0 || end == count)
        return (double)each[middle];
    double low = (double)(each[first - 1] + each[first]) / 2;
    double high = (double)(each[end - 1] + each[end]) / 2;
    return low + (high - low) * (rank + 0.5 - (double)first) / (double)(end - first);
}

/* What reading the clock adds to each time. */
static double clock_cost(void)
{
    uint64_t each[10000];
    for (size_t at = 0; at < 10000; at++) {
        uint64_t start = now();
        each[at] = now() - start;
    }
    qsort(each, 10000, sizeof *each, by_size);
    return quantile(each, 10000, 0.5);
}

static void take_turn(const struct turn *turn, struct times *all, const struct wanted *wanted, int any)
{
    struct times *times = &all[turn->operation];
    /* An id without its groups would look cheap. */
    if (turn->operation == WHOLE_ID && all[INITGROUPS].wrong)
        times->wrong = 1;
    uint64_t start = now(), end = start + turn->nanoseconds;
    for (size_t call = 0; call < turn->calls && (call == 0 || now() < end); call++) {
        if (times->wrong || times->spent > PATIENCE)
            return;
        uint64_t took = carry_out(turn->operation, wanted, times->next++, any);
        times->wrong = took == WRONG;
        if (turn->record && times->count < MOST_CALLS)
            times->each[times->count++] = took;
    }
    times->spent += now() - start;
}

/* A line for each operation: source, operation, number of calls, quantiles in nanoseconds. */
static void report(const char *source, struct times *times, double clocked)
{
    static const double QUANTILES[] = { 0.5, 0.99 };
    for (enum operation at = 0; at < OPERATIONS; at++) {
        struct times *of = &times[at];
        if (of->wrong)
            printf("%s\t%s\twrong\n", source, OPERATION_NAMES[at]);
        if (of->count == 0 || of->wrong)
            continue;
        qsort(of->each, of->count, sizeof *of->each, by_size);
        printf("%s\t%s\t%zu", source, OPERATION_NAMES[at], of->count);
        for (size_t q = 0; q < sizeof QUANTILES / sizeof *QUANTILES; q++) {
            double time = quantile(of->each, of->count, QUANTILES[q]) - clocked;
            printf("\t%.1f", time > 0 ? time : 0);
        }
        printf("\n");
    }
    fflush(stdout);
}

/* Asks for everybody once. Wrong answers are told when it is measured. */
static void warm_up(enum operation operation, size_t count, const struct wanted *wanted)
{
    for (size_t at = 0; at < count && carry_out(operation, wanted, at, 0) != WRONG; at++)
        continue;
}

/* The process of one source: takes turns until there are no more, then prints its times. */
static void serve(const struct source *source, struct wanted wanted, int line)
{
    enter_view(source->view);
    int any = strncmp(source->name, "floor", 5) == 0;
    struct times times[OPERATIONS] = { 0 };
    for (enum operation at = 0; at < OPERATIONS; at++) {
        /* Each source begins somewhere else, so that none finds what another has just fetched. */
        times[at].next = (size_t)getpid() * 7919;
        times[at].each = malloc(MOST_CALLS * sizeof(uint64_t));
        if (times[at].each == NULL)
            give_up("no memory for the times of", source->name);
    }
    struct accounts *lists[] = { &wanted.present, &wanted.missing, &wanted.members };
    for (size_t list = 0; source->names != 0 && list < 3; list++)
        if (lists[list]->count > source->names)
            lists[list]->count = source->names;
    if (source->warmed) {
        warm_up(HIT_BY_NAME, wanted.present.count, &wanted);
        warm_up(INITGROUPS, wanted.members.count, &wanted);
        warm_up(MISS_BY_NAME, wanted.missing.count, &wanted);
        warm_up(MISS_BY_UID, wanted.missing.count, &wanted);
    }
    double clocked = clock_cost();
    size_t calls = 0;
    struct turn turn;
    send(line, &calls, sizeof calls, 0);
    while (recv(line, &turn, sizeof turn, 0) == (ssize_t)sizeof turn) {
        size_t before = times[turn.operation].next;
        take_turn(&turn, times, &wanted, any);
        calls = times[turn.operation].next - before;
        send(line, &calls, sizeof calls, 0);
    }
    report(source->name, times, clocked);
    exit(0);
}

/* Starts the process of the source at `which`. */
static void start(struct source *sources, size_t which, const struct wanted *wanted)
{
    struct source *source = &sources[which];
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        give_up("no socket for", source->name);
    fflush(stdout);
    source->process = fork();
    if (source->process < 0)
        give_up("no process for", source->name);
    if (source->process == 0) {
        close(ends[0]);
        /* Those of the others, who otherwise would never see the end of their turns. */
        for (size_t other = 0; other < which; other++)
            close(sources[other].line);
        serve(source, *wanted, ends[1]);
    }
    close(ends[1]);
    source->line = ends[0];
}

/* Waits for a source; one whose process has ended is left out from then on, and has said why. */
static void await(struct source *source)
{
    size_t calls;
    if (source->line >= 0 && recv(source->line, &calls, sizeof calls, 0) != (ssize_t)sizeof calls) {
        close(source->line);
        source->line = -1;
        waitpid(source->process, NULL, 0);
    }
}

static void one_round(struct source *sources, size_t count, const struct turn *turn)
{
    for (size_t at = 0; at < count; at++) {
        if (sources[at].line < 0)
            continue;
        send(sources[at].line, turn, sizeof *turn, MSG_NOSIGNAL);
        await(&sources[at]);
    }
}

/* measure FOLDER OPERATION=ROUNDS,CALLS,MILLISECONDS… -- SOURCE[=NAMES]…: a source given with a
 * number is asked for so many accounts only, and for each of these once before it is measured. */
int measure(char **arguments)
{
    const char *folder = *arguments++;
    char **plan = arguments;
    while (*arguments != NULL && strcmp(*arguments, "--") != 0)
        arguments++;
    struct wanted wanted = read_accounts(folder, SIZE_MAX);
    struct source sources[MOST_SOURCES] = { 0 };
    size_t count = 0;
    for (char **given = arguments + (*arguments != NULL); *given != NULL && count < MOST_SOURCES; given++) {
        struct source *source = &sources[count++];
        source->name = strtok(*given, "=");
        const char *names = strtok(NULL, "=");
        source->warmed = names != NULL;
        source->names = names == NULL ? 0 : strtoull(names, NULL, 10);
        snprintf(source->view, sizeof source->view, "%s/views/%s", folder, source->name);
    }
    /* One processor for all of them, and not the first one, which serves most interrupts. */
    cpu_set_t last;
    CPU_ZERO(&last);
    CPU_SET(sysconf(_SC_NPROCESSORS_ONLN) - 1, &last);
    if (sched_setaffinity(0, sizeof last, &last) != 0)
        give_up("cannot stay on one processor", "");
    for (size_t at = 0; at < count; at++) {
        start(sources, at, &wanted);
        await(&sources[at]);
    }
    for (; *plan != NULL && strcmp(*plan, "--") != 0; plan++) {
        unsigned rounds = 0, calls = 0, milliseconds = 0;
        const char *name = strtok(*plan, "=");
        const char *numbers = strtok(NULL, "=");
        errno = 0;
        if (numbers == NULL || sscanf(numbers, "%u,%u,%u", &rounds, &calls, &milliseconds) != 3)
            give_up("not ROUNDS,CALLS,MILLISECONDS:", name);
        struct turn turn = { operation_named(name), 0, calls, milliseconds * 1000000ULL };
        for (unsigned round = 0; round <= rounds; round++) {
            turn.record = round > 0; /* the first one is for warming up */
            one_round(sources, count, &turn);
        }
    }
    for (size_t at = 0; at < count; at++) {
        if (sources[at].line < 0)
            continue;
        close(sources[at].line);
        waitpid(sources[at].process, NULL, 0);
    }
    return 0;
}
