/* The demo's processes and its store. */
#include "demo.h"
#include "settings.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MS = 1000000 };

bool elect__demo_open(struct elect__demo *demo)
{
    sigset_t end;

    for (int i = 0; i < ELECT__DEMO_PLACES; i++)
        demo->places[i].link = -1;
    sigemptyset(&end);
    sigaddset(&end, SIGINT);
    sigaddset(&end, SIGTERM);
    sigaddset(&end, SIGHUP);
    sigprocmask(SIG_BLOCK, &end, NULL);
    demo->signals = signalfd(-1, &end, SFD_CLOEXEC | SFD_NONBLOCK);
    demo->memory = memfd_create("elect-demo", MFD_CLOEXEC);
    if (demo->signals < 0 || demo->memory < 0 || ftruncate(demo->memory, ELECT__DEMO_SIZE) != 0)
        return false;
    demo->lives = mmap(NULL, ELECT__DEMO_SIZE, PROT_READ, MAP_SHARED, demo->memory, 0);
    if (demo->lives == MAP_FAILED)
        demo->lives = NULL;
    return demo->lives != NULL;
}

bool elect__demo_enter(struct elect__demo *demo, int place)
{
    struct elect__demo_place *p = &demo->places[place];
    char label[2] = {(char)('A' + place), '\0'}, numbers[3][16], id[32];
    int ends[2], failure;

    memset(p, 0, sizeof(*p));
    p->life = demo->lives_used++;
    p->link = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        failure = errno;
    } else {
        snprintf(numbers[0], sizeof(numbers[0]), "%d", p->life);
        snprintf(numbers[1], sizeof(numbers[1]), "%d", demo->memory);
        snprintf(numbers[2], sizeof(numbers[2]), "%d", ends[1]);
        snprintf(id, sizeof(id), "demo-%s-%d-%d", label, (int)getpid(), p->life);
        setenv("LEADER_ELECTION_INSTANCE_ID", id, 1);
        failure = elect__link_spawn(
            &p->pid, (int[]){demo->memory, ends[1]}, 2,
            (char *[]){(char *)"elect", (char *)"candidate", label, numbers[0], numbers[1], numbers[2], NULL}, environ);
        close(ends[1]);
        p->link = ends[0];
    }
    if (failure == 0)
        return true;
    elect__say("no candidate %s: %s", label, strerror(failure));
    demo->code = ELECT__EXIT_NO;
    p->pid = 0;
    return false;
}

static void hear(struct elect__demo *demo, struct elect__demo_place *p, const struct elect__message *message)
{
    switch ((enum elect__demo_kind)message->kind) {
    case ELECT__DEMO_READY:
        p->ready = true;
        break;
    case ELECT__DEMO_FAILED:
        elect__say("%s", message->text);
        demo->code = message->value;
        break;
    case ELECT__DEMO_ELECTED:
        p->leads = true;
        p->epoch = strtoull(message->text, NULL, 10);
        p->elected_ns = message->at_ns;
        break;
    case ELECT__DEMO_LOST:
        p->leads = false;
        break;
    case ELECT__DEMO_STOPPING:
        p->stopping_ns = message->at_ns;
        break;
    default:
        break;
    }
}

/* A candidate that ends of itself has failed, unless it was told to. */
static void ended(struct elect__demo *demo, struct elect__demo_place *p)
{
    close(p->link);
    p->link = -1;
    p->leads = false;
    if (p->pid > 0)
        waitpid(p->pid, NULL, 0);
    p->pid = 0;
    if (!p->stopped && demo->code == 0) {
        elect__say("candidate %c ended", 'A' + (int)(p - demo->places));
        demo->code = ELECT__EXIT_NO;
    }
}

bool elect__demo_hear(struct elect__demo *demo, int64_t at_ns)
{
    int64_t left_ms = (at_ns - elect__boot_ns()) / MS + 1;
    struct pollfd fds[ELECT__DEMO_PLACES + 1] = {{.fd = demo->signals, .events = POLLIN}};
    struct signalfd_siginfo info;

    for (int i = 0; i < ELECT__DEMO_PLACES; i++)
        fds[i + 1] = (struct pollfd){.fd = demo->places[i].link, .events = POLLIN};
    (void)poll(fds, ELECT__DEMO_PLACES + 1, left_ms > 0 ? left_ms < 1000 ? (int)left_ms : 1000 : 0);
    if (read(demo->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
        demo->code = ELECT__EXIT_SIGNAL + (int)info.ssi_signo;
    for (int i = 0; i < ELECT__DEMO_PLACES; i++) {
        struct elect__message message;
        int got = 0;

        while (demo->places[i].link >= 0 && (got = elect__link_receive(demo->places[i].link, &message)) > 0)
            hear(demo, &demo->places[i], &message);
        if (got < 0)
            ended(demo, &demo->places[i]);
    }
    return demo->code == 0;
}

int elect__demo_leader(struct elect__demo *demo, int64_t since_ns)
{
    int64_t until_ns = elect__boot_ns() + demo->patience_ns;

    for (;;) {
        for (int i = 0; i < ELECT__DEMO_PLACES; i++)
            if (demo->places[i].leads && demo->places[i].elected_ns > since_ns)
                return i;
        if (demo->code != 0 || elect__boot_ns() >= until_ns)
            break;
        elect__demo_hear(demo, until_ns);
    }
    if (demo->code == 0) {
        char span[ELECT__SPAN_SIZE];

        elect__say("nobody led within %s", elect__span(demo->patience_ns, span));
        demo->code = ELECT__EXIT_NO;
    }
    return -1;
}

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *ftw)
{
    (void)stat;
    (void)kind;
    (void)ftw;
    (void)remove(path);
    return 0;
}

/* Of a store that is the user's, only this demo's election goes. */
static void forget(struct elect__demo *demo)
{
    elect_client_t *client;

    if (!demo->cli->settings || elect_client_open(demo->cli->options, &client) != ELECT_OK)
        return;
    elect_client_forget(client, demo->cli->settings->name, 2000);
    elect_client_close(client, 2000);
    elect_client_free(client);
}

void elect__demo_close(struct elect__demo *demo)
{
    for (int i = 0; i < ELECT__DEMO_PLACES; i++) {
        struct elect__demo_place *p = &demo->places[i];

        if (p->pid > 0) {
            kill(p->pid, SIGKILL);
            waitpid(p->pid, NULL, 0);
        }
        if (p->link >= 0)
            close(p->link);
    }
    if (*demo->folder)
        nftw(demo->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    else if (demo->lives_used > 0)
        forget(demo);
    if (demo->lives)
        munmap(demo->lives, ELECT__DEMO_SIZE);
    if (demo->memory >= 0)
        close(demo->memory);
    if (demo->signals >= 0)
        close(demo->signals);
}
